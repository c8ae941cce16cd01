import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { provenanceOf } from './federation-claims-provenance.ts'

const base = { iss: 'https://idp.test', sub: 'someone' }

suite('where a push came from', () => {
  test('a job of GitHub Actions', () => {
    const claims = {
      iss: 'https://token.actions.githubusercontent.com',
      sub: 'repo:acme/app:environment:production',
      repository: 'acme/app',
      ref: 'refs/heads/main',
      sha: 'c0ffee',
      run_id: '812',
      run_number: '4',
      actor: 'octocat',
      environment: 'production',
      jti: 'secret',
    }
    assert.deepEqual(provenanceOf('github', claims), {
      issuer: 'https://token.actions.githubusercontent.com',
      subject: 'repo:acme/app:environment:production',
      repository: 'acme/app',
      ref: 'refs/heads/main',
      sha: 'c0ffee',
      run: '812',
      actor: 'octocat',
      environment: 'production',
    })
  })

  test('a job of GitLab CI', () => {
    const claims = {
      ...base,
      project_path: 'acme/group/app',
      ref: 'main',
      sha: 'c0ffee',
      pipeline_id: '77',
      user_login: 'tanuki',
    }
    assert.deepEqual(provenanceOf('gitlab', claims), {
      issuer: base.iss,
      subject: base.sub,
      repository: 'acme/group/app',
      ref: 'main',
      sha: 'c0ffee',
      run: '77',
      actor: 'tanuki',
    })
  })

  test('a pod of Kubernetes', () => {
    const claims = {
      ...base,
      repository: 'not of this kind',
      'kubernetes.io': {
        namespace: 'ci',
        pod: { name: 'build-x' },
        serviceaccount: { name: 'builder' },
      },
    }
    assert.deepEqual(provenanceOf('kubernetes', claims), {
      issuer: base.iss,
      subject: base.sub,
      run: 'build-x',
      actor: 'builder',
      environment: 'ci',
    })
  })

  test('another issuer, with what is there of the usual names', () => {
    assert.deepEqual(provenanceOf('custom', base), { issuer: base.iss, subject: base.sub })
    const claims = { ...base, project_path: 'a/b', run_id: 7, actor: '', email: 'ci@acme.test' }
    assert.deepEqual(provenanceOf('custom', claims), {
      issuer: base.iss,
      subject: base.sub,
      repository: 'a/b',
      run: '7',
      actor: 'ci@acme.test',
    })
  })

  test('texts are cut and cleaned, and what is no text is left out', () => {
    const claims = {
      iss: `https://${'i'.repeat(400)}`,
      sub: `${'s'.repeat(255)}😀`,
      repository: 'a\u0000b\nc\u202ed',
      ref: { toString: () => 'x' },
      sha: ['x'],
      run_id: Number.NaN,
      actor: '\u0007',
      environment: true,
    }
    assert.deepEqual(provenanceOf('github', claims), {
      issuer: claims.iss.slice(0, 256),
      subject: 's'.repeat(255),
      repository: 'abcd',
    })
  })
})
