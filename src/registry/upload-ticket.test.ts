import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { createUploadTickets, type UploadOwner } from './upload-ticket.ts'

const hour = 60 * 60 * 1000
const secret = Buffer.alloc(32, 1)
const owner: UploadOwner = { repositoryId: 7, principalId: 3 }

test('a ticket is read by whoever has the secret, as it was opened', () => {
  const ticket = createUploadTickets(secret, hour).open(owner, 'sha512')
  assert.match(ticket.id, /^[A-Za-z0-9_-]{48}$/)
  const read = createUploadTickets(Buffer.from(secret), hour).read(ticket.id, owner)
  assert.deepEqual(read, ticket)
  assert.equal(ticket.algorithm, 'sha512')
  assert.ok(Math.abs(ticket.startedAt.getTime() - Date.now()) < 2000)
})

test('no two tickets are the same', () => {
  const tickets = createUploadTickets(secret, hour)
  const ids = Array.from({ length: 1000 }, () => tickets.open(owner, 'sha256').id)
  assert.equal(new Set(ids).size, 1000)
})

test('a ticket holds for its repository and its principal, and for nobody else', () => {
  const tickets = createUploadTickets(secret, hour)
  const owners: UploadOwner[] = [
    owner,
    { repositoryId: 8, principalId: 3 },
    { repositoryId: 7, principalId: 4 },
    { repositoryId: 7, principalId: undefined },
    { repositoryId: 3, principalId: 7 },
    { repositoryId: 73, principalId: undefined },
  ]
  for (const [index, one] of owners.entries()) {
    const { id } = tickets.open(one, 'sha256')
    for (const [other, reader] of owners.entries()) {
      assert.equal(tickets.read(id, reader) !== undefined, index === other)
    }
  }
})

test('a ticket of another installation is none', () => {
  const { id } = createUploadTickets(Buffer.alloc(32, 2), hour).open(owner, 'sha256')
  assert.equal(createUploadTickets(secret, hour).read(id, owner), undefined)
})

test('a ticket with any bit changed is none', () => {
  const tickets = createUploadTickets(secret, hour)
  const bytes = Buffer.from(tickets.open(owner, 'sha256').id, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(tickets.read(changed.toString('base64url'), owner), undefined, `bit ${bit}`)
  }
})

test('what is written otherwise is no ticket', () => {
  const tickets = createUploadTickets(secret, hour)
  const { id } = tickets.open(owner, 'sha256')
  const others = ['', 'x', id.slice(1), `${id}A`, `${id}=`, ` ${id}`, `${id}\n`, id.toUpperCase()]
  others.push(id.slice(0, 47), '../'.repeat(16), '\0'.repeat(48), 'ä'.repeat(48))
  for (const other of others.filter((one) => one !== id)) {
    assert.equal(tickets.read(other, owner), undefined, JSON.stringify(other))
  }
})

test('a ticket expires', () => {
  mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 })
  try {
    const tickets = createUploadTickets(secret, hour)
    const { id } = tickets.open(owner, 'sha256')
    mock.timers.setTime(1_700_000_000_000 + hour)
    assert.ok(tickets.read(id, owner))
    mock.timers.setTime(1_700_000_000_000 + hour + 1)
    assert.equal(tickets.read(id, owner), undefined)
  } finally {
    mock.timers.reset()
  }
})
