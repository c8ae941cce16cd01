// Loads @peculiar/x509 when a certificate must be made: at the first start and then about once a
// year. Everything else here needs only node:crypto, so that a usual start does not pay for it.

import { createRequire } from 'node:module'
import type * as X509 from '@peculiar/x509'

/**
 * The library sits on tsyringe, which refuses to load unless `Reflect.getMetadata` exists and then
 * asks it only for the types of constructor arguments, of which these classes have none. So two
 * functions that know nothing are enough, and only while it loads: the global is left as it was.
 */
export function loadX509(): typeof X509 {
  const missing = ['getMetadata', 'getOwnMetadata'].filter((name) => !(name in Reflect))
  for (const name of missing) {
    Object.defineProperty(Reflect, name, { configurable: true, value: () => undefined })
  }
  try {
    return createRequire(import.meta.url)('@peculiar/x509') as typeof X509
  } finally {
    for (const name of missing) Reflect.deleteProperty(Reflect, name)
  }
}
