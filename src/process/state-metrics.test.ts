import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestInstallation } from '../installation/test-support.ts'
import { saveVerifiedState } from '../metadata/backup-state.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { switchReadOnlyOn } from '../metadata/read-only.ts'
import { saveSetting } from '../metadata/settings.ts'
import type { Metric } from '../metrics/metric.ts'
import { createStateMetrics } from './state-metrics.ts'

const backup = { everyMs: 1, keep: 1, drillEveryMs: 1 }
const space = {
  look: async () => ({ free: 5, total: 10, reserve: 1 }),
  requireRoom: async () => undefined,
}

function stateOf(metadata: MetadataStore) {
  return createStateMetrics({
    config: { backup, readOnly: false },
    metadata,
    space,
    version: '1',
  })
}

function valueOf(metrics: readonly Metric[], name: string): number | undefined {
  return metrics.find((metric) => metric.name === name)?.values[0]?.value
}

test('an installation tells of everything that keeps it, and that there is no backup', async () => {
  await using installation = await openTestInstallation()
  const { metadata } = installation
  const metrics = await stateOf(metadata)()
  assert.equal(valueOf(metrics, 'carrel_metrics_missing'), 0)
  assert.equal(valueOf(metrics, 'carrel_disk_free_bytes'), 5)
  assert.equal(valueOf(metrics, 'carrel_read_only'), 0)
  assert.equal(valueOf(metrics, 'carrel_backup_verified_age_seconds'), Infinity)
  assert.equal(valueOf(metrics, 'carrel_backup_last_success_timestamp_seconds'), 0)
  const names = metrics.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.match(name, /^carrel_[a-z_]+$/)

  await metadata.write(async (tx) => {
    const good = { ok: true, to: '/b', problems: [], how: 'drill' } as const
    await saveVerifiedState(tx, good)
    await switchReadOnlyOn(tx, { since: 0, until: undefined, reason: '', by: '' })
  })
  const later = await stateOf(metadata)()
  assert.ok((valueOf(later, 'carrel_backup_verified_age_seconds') ?? Infinity) < 60)
  assert.equal(valueOf(later, 'carrel_read_only'), 1)
})

test('what cannot be read is missing alone', async () => {
  await using installation = await openTestInstallation()
  const { metadata } = installation
  await metadata.write(async (tx) => saveSetting(tx, 'backup-last', '{'))
  const metrics = await stateOf(metadata)()
  assert.equal(valueOf(metrics, 'carrel_metrics_missing'), 1)
  assert.equal(valueOf(metrics, 'carrel_backup_configured'), undefined)
  assert.equal(valueOf(metrics, 'carrel_disk_free_bytes'), 5)
})
