import { gate } from '../support/log.ts'

export type Fetch = typeof fetch
interface Held {
  path: string
  /** The server has answered. */
  answered: Promise<void>
  release(): void
}

/** A network on which a test decides when an answer arrives, or that it does not. */
export function createNetwork(inner: Fetch = fetch) {
  const sent: { method: string; path: string; headers: Headers; at: number }[] = []
  const held: Held[] = []
  let rule: (path: string, n: number) => 'pass' | 'hold' | 'lose' | 'refuse' = () => 'pass'

  const through: Fetch = async (input, init) => {
    const { pathname } = new URL(String(input))
    const n = sent.filter(({ path }) => path === pathname).length
    sent.push({ method: init?.method ?? 'GET', path: pathname, headers: new Headers(init?.headers), at: Date.now() })
    const fate = rule(pathname, n)
    if (fate === 'refuse') throw new TypeError('fetch failed')
    if (fate === 'pass') return inner(input, init)
    const [answered, released] = [gate(), gate()]
    if (fate === 'hold') held.push({ path: pathname, answered: answered.opened, release: released.open })
    try {
      const response = await inner(input, init)
      answered.open()
      if (fate === 'lose') {
        await response.text()
        throw new TypeError('fetch failed')
      }
      await Promise.race([
        released.opened,
        new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason), { once: true })),
      ])
      return response
    } finally {
      answered.open()
    }
  }
  return {
    fetch: through,
    sent,
    held,
    /** What becomes of requests from now on; `n` counts those to the same path. */
    rule(next: typeof rule): void {
      rule = next
    },
    count: (path: string) => sent.filter((one) => one.path === path).length,
  }
}

/** The cookies of one browser, for all of its tabs. */
export function createJar(inner: Fetch = fetch) {
  const cookies = new Map<string, { value: string; path: string }>()
  const header = (path: string) =>
    [...cookies]
      .filter(([, cookie]) => path === cookie.path || path.startsWith(cookie.path.replace(/\/?$/, '/')))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')

  function keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const [name = '', value = ''] = pair.split('=')
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice('path='.length) ?? '/'
      const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice('expires='.length)
      if (expires !== undefined && Date.parse(expires) <= Date.now()) cookies.delete(name)
      else cookies.set(name, { value, path })
    }
  }
  const through: Fetch = async (input, init) => {
    const headers = new Headers(init?.headers)
    const include = init?.credentials === 'include'
    const sent = include ? header(new URL(String(input)).pathname) : ''
    if (sent !== '') headers.set('cookie', sent)
    const response = await inner(input, { ...init, headers })
    if (include) keep(response)
    return response
  }
  return {
    fetch: through,
    cookies,
    /** For the handshakes of sockets, read anew for each. */
    headersFor: (path = '/socket.io/'): Record<string, string> =>
      // Engine.IO writes there, too
      Object.defineProperty({}, 'cookie', { enumerable: true, get: () => header(path), set: () => {} }),
  }
}
