// What registry:2's configuration says of serving, as workers are given it.
import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import type { SecureOptions } from '../http/client-certificates.ts'
import type { Registry2Answers } from '../http/registry2/answers.ts'

export interface Registry2Serving {
  readonly answers: Registry2Answers
  readonly secure: SecureOptions
  /** Users of the htpasswd file are given what registry:2 let them do. */
  readonly htpasswdRights: boolean
  readonly logFields: Readonly<Record<string, unknown>>
}

/** @throws {Error} when a file with authorities of clients cannot be read */
export async function registry2Serving({
  registry2,
}: Pick<Config, 'registry2'>): Promise<Registry2Serving | undefined> {
  if (registry2 === undefined) return undefined
  const { tls, headers, pathPrefix, deletes, catalogMaxEntries, maxTags, manifestUrls } = registry2
  const { minVersion = 'TLSv1.2', ciphers, clients } = tls
  return {
    answers: { headers, pathPrefix, deletes, catalogMaxEntries, maxTags, manifestUrls },
    secure: {
      minVersion,
      ciphers,
      clients: clients && {
        ask: clients.ask,
        authorities: await readAuthorities(clients.authorityFiles),
      },
    },
    htpasswdRights: registry2.htpasswdAsRegistry2,
    logFields: registry2.logFields,
  }
}

async function readAuthorities(files: readonly string[]): Promise<string> {
  const texts: string[] = []
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new Error(`http.tls.clientcas: ${file} cannot be read: ${(cause as Error).message}`, {
        cause,
      })
    })
    if (!text.includes('-----BEGIN CERTIFICATE-----')) {
      throw new Error(`http.tls.clientcas: there is no certificate in ${file}`)
    }
    texts.push(text)
  }
  return texts.join('\n')
}
