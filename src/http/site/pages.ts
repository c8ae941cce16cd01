// The pages that a person sees before there is a user interface.
import { HttpError } from '../http-error.ts'
import { nothing, type Routes } from '../route.ts'

const html = (text: string) => async () => ({
  status: 200,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  },
  body: text,
})

export function homeRoutes(): Routes<'home'> {
  return {
    GET: { needs: nothing, run: html('<!doctype html><title>Carrel</title><h1>Carrel</h1>') },
  }
}

export function setupPageRoutes(): Routes<'setup-page'> {
  return {
    GET: { needs: nothing, run: html('<!doctype html><title>Carrel</title><h1>Setup</h1>') },
  }
}

export function assetRoutes(): Routes<'asset'> {
  return {
    GET: {
      needs: nothing,
      run: async () => {
        throw new HttpError(404, 'There is nothing at this address.')
      },
    },
  }
}
