// User names that mean "whoever the password says": what the clients and pipelines of other registries send beside a
// token, so that they move here by changing the host alone. Such a name counts only beside a secret of ours or an
// identity token of CI, never beside a password.

const aliases: ReadonlySet<string> = new Set([
  'carrel',
  'token',
  // docker's own, beside an identity token.
  '<token>',
  // Amazon ECR.
  'AWS',
  // Google Artifact Registry and Container Registry.
  '_json_key',
  '_json_key_base64',
  'oauth2accesstoken',
  // Azure Container Registry.
  '00000000-0000-0000-0000-000000000000',
  // NVIDIA NGC, Red Hat and others.
  '$oauthtoken',
  // Jobs of CI.
  'oidc',
  'gitlab-ci-token',
])

/** Case matters, as it does in all user names. */
export function isAlias(name: string): boolean {
  return aliases.has(name)
}
