import type { HttpRequest, HttpStack } from 'tus-js-client'

/** Requests of tus by `fetch`, where there is no XMLHttpRequest or the app has a fetch of its own. Progress is known by the part. */
export function createFetchStack(run: typeof fetch, cookies: boolean): HttpStack {
  function createRequest(method: string, url: string): HttpRequest {
    const headers: Record<string, string> = {}
    const end = new AbortController()
    return {
      getMethod: () => method,
      getURL: () => url,
      setHeader(name, value) {
        headers[name.toLowerCase()] = value
      },
      getHeader: (name) => headers[name.toLowerCase()],
      setProgressHandler() {},
      async send(body: Blob | null) {
        const response = await run(url, {
          method,
          headers,
          credentials: cookies ? 'include' : 'omit',
          signal: end.signal,
          ...(body ? { body } : {}),
        })
        const text = await response.text()
        return {
          getStatus: () => response.status,
          getHeader: (name) => response.headers.get(name) ?? undefined,
          getBody: () => text,
          getUnderlyingObject: () => response,
        }
      },
      async abort() {
        end.abort()
      },
      getUnderlyingObject: () => null,
    }
  }
  return { createRequest, getName: () => 'fetch' }
}

/** Reads a Blob by slices; what tus has for it differs by platform. */
export const blobReader = {
  async openFile(blob: Blob) {
    return {
      size: blob.size,
      slice: async (start: number, end: number) => ({ value: blob.slice(start, end), done: end >= blob.size }),
      close() {},
    }
  },
}
