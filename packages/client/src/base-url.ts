/** Where a server is. */
export interface BaseUrl {
  /** In front of `/api`, without a slash at its end: `https://host/studio`, `/studio` or ''. */
  rest: string
  /** Scheme, host and port for the socket; undefined: those of the page. */
  origin: string | undefined
  /** The path under which all of the server lies; '' at the root. */
  prefix: string
}

// By hand: the URL class of React Native does not know origin and pathname.
const SHAPE = /^(?:(https?:)\/\/([^/\\?#@\s]+))?((?:\/[^/\\?#\s]+)*)$/i

/**
 * Takes the url of a server apart.
 * @throws RangeError for anything but http(s)://host[:port][/path], /path or ''
 */
export function parseBaseUrl(url: string): BaseUrl {
  const parts = SHAPE.exec(url.replace(/\/+$/, ''))
  const [, scheme, host, prefix = ''] = parts ?? []
  const climbs = prefix.split('/').some((part) => /^(\.|%2e){1,2}$/i.test(part))
  if (!parts || climbs)
    throw new RangeError('The url of a client is https://host, https://host/path, /path, or empty for the origin of the page')
  const origin = host === undefined ? undefined : `${scheme?.toLowerCase()}//${host}`
  return { rest: `${origin ?? ''}${prefix}`, origin, prefix }
}
