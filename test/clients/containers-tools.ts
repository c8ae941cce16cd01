// What podman, buildah and skopeo share (the containers/image library): settings in a folder of their
// own, and the flags by which they speak HTTP or trust an authority.
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../support/processes.ts'
import type { Place } from './place.ts'

export interface ContainersSettings {
  readonly env: Environment
  /** `--tls-verify=false`, or `--cert-dir DIR`; each with this prefix, such as `src-`. */
  readonly way: (prefix?: string) => readonly string[]
}

export async function writeContainersSettings(place: Place): Promise<ContainersSettings> {
  const { folder, caFile } = place
  const path = (name: string) => join(folder, name)
  await writeFile(
    path('storage.conf'),
    // vfs needs no kernel support and leaves no mount behind.
    `[storage]\ndriver = "vfs"\ngraphroot = "${path('images')}"\nrunroot = "${path('run')}"\n`,
  )
  await writeFile(
    path('containers.conf'),
    `[containers]\nnetns = "host"\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\ntmp_dir = "${path('tmp')}"\n`,
  )
  await writeFile(path('registries.conf'), 'unqualified-search-registries = []\n')
  // podman ends when this names no file.
  await writeFile(path('auth.json'), '{"auths":{}}')
  await mkdir(path('trusted'), { recursive: true })
  if (caFile !== undefined) await copyFile(caFile, join(path('trusted'), 'ca.crt'))
  return {
    env: {
      ...place.env,
      CONTAINERS_CONF: path('containers.conf'),
      CONTAINERS_STORAGE_CONF: path('storage.conf'),
      CONTAINERS_REGISTRIES_CONF: path('registries.conf'),
      REGISTRY_AUTH_FILE: path('auth.json'),
      TMPDIR: folder,
    },
    way: (prefix = '') =>
      caFile === undefined
        ? [`--${prefix}tls-verify=false`]
        : [`--${prefix}cert-dir`, path('trusted')],
  }
}
