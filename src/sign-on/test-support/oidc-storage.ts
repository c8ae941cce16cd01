// What one issuer of the tests remembers: oidc-provider's own storage is one for the whole process.
import type { Adapter, AdapterPayload } from 'oidc-provider'

export function createStorage(): (model: string) => Adapter {
  const entries = new Map<string, AdapterPayload>()
  return (model) => {
    const keyOf = (id: string) => `${model}:${id}`
    const findWhere = (isIt: (payload: AdapterPayload) => boolean) => {
      const own = [...entries].filter(([key]) => key.startsWith(`${model}:`))
      return Promise.resolve(own.map(([, payload]) => payload).find(isIt))
    }
    return {
      upsert: (id, payload) => {
        entries.set(keyOf(id), payload)
        return Promise.resolve()
      },
      find: (id) => Promise.resolve(entries.get(keyOf(id))),
      findByUserCode: (userCode) => findWhere((payload) => payload.userCode === userCode),
      findByUid: (uid) => findWhere((payload) => payload.uid === uid),
      consume: (id) => {
        const payload = entries.get(keyOf(id))
        if (payload) payload.consumed = Math.floor(Date.now() / 1000)
        return Promise.resolve()
      },
      destroy: (id) => {
        entries.delete(keyOf(id))
        return Promise.resolve()
      },
      revokeByGrantId: (grantId) => {
        for (const [key, payload] of entries) if (payload.grantId === grantId) entries.delete(key)
        return Promise.resolve()
      },
    }
  }
}
