// What another machine needs to trust our certificate: the authority itself and a script that installs it.
// Answered over plain HTTP too: whoever fetches it compares the fingerprint.
import { HttpError } from '../http-error.ts'
import type { Reply } from '../reply.ts'
import { nothing, type Routes } from '../route.ts'

export interface TrustDeps {
  /** undefined: the operator's own certificate is served. */
  readonly authorityPem: () => string | undefined
  /** undefined: no certificate of ours, or no host that the script can be made for. */
  readonly trustScript: (hostPort: string) => string | undefined
}

export function authorityRoutes({ authorityPem }: TrustDeps): Routes<'authority'> {
  return {
    GET: {
      needs: nothing,
      run: async () => textReply(authorityPem(), 'application/x-pem-file'),
    },
  }
}

export function trustScriptRoutes({ trustScript }: TrustDeps): Routes<'trust-script'> {
  return {
    GET: {
      needs: nothing,
      run: async ({ request }) =>
        textReply(trustScript(new URL(request.origin).host), 'text/x-shellscript'),
    },
  }
}

function textReply(text: string | undefined, type: string): Reply {
  if (text === undefined) {
    throw new HttpError(
      404,
      'This registry uses a certificate of its operator; ask them whom to trust.',
    )
  }
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(text) }
  return { status: 200, headers, body: text }
}
