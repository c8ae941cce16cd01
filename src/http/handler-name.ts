// What kind of place a request asked, for metrics: from a short list, whatever the path is. Names are distribution's
// where it has one. Cheap, and no check: a path that means nothing may be called anything here.

const fixed: Readonly<Record<string, string>> = {
  '/v2': 'base',
  '/v2/': 'base',
  '/v2/_catalog': 'catalog',
  '/token': 'token',
  '/livez': 'health',
  '/readyz': 'health',
  '/metrics': 'metrics',
}

export function handlerNameOf(path: string): string {
  const known = fixed[path]
  if (known !== undefined) return known
  if (!path.startsWith('/v2/')) return path.startsWith('/api/') ? 'api' : 'site'
  const last = path.lastIndexOf('/')
  const before = path.lastIndexOf('/', last - 1)
  switch (path.slice(before + 1, last)) {
    case 'manifests':
      return 'manifest'
    case 'blobs':
      return path.length - last === 8 && path.endsWith('/uploads') ? 'blob_upload' : 'blob'
    case 'uploads':
      return path.length === last + 1 ? 'blob_upload' : 'blob_upload_chunk'
    case 'tags':
      return 'tags'
    case 'referrers':
      return 'referrers'
    default:
      return 'other'
  }
}
