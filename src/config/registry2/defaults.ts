// What the images of registry:2 and registry:3 hold where nobody mounts a config.yml, and where they look for it.

export interface WellKnownFile {
  readonly path: string
  /** How it is called where it stands for the file. */
  readonly name: string
  readonly text: string
}

export const wellKnownFiles: readonly [WellKnownFile, WellKnownFile] = [
  {
    path: '/etc/docker/registry/config.yml',
    name: "registry:2's default",
    text: `version: 0.1
log: {fields: {service: registry}}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: /var/lib/registry}
http:
  addr: :5000
  headers: {X-Content-Type-Options: [nosniff]}
health: {storagedriver: {enabled: true, interval: 10s, threshold: 3}}
`,
  },
  {
    path: '/etc/distribution/config.yml',
    name: "registry:3's default",
    text: `version: 0.1
log:
  level: debug
  fields: {service: registry, environment: development}
storage:
  delete: {enabled: true}
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: /var/lib/registry}
  tag: {concurrencylimit: 5}
http:
  addr: :5000
  debug: {addr: ':5001', prometheus: {enabled: true, path: /metrics}}
  headers: {X-Content-Type-Options: [nosniff]}
health: {storagedriver: {enabled: true, interval: 10s, threshold: 3}}
`,
  },
]
