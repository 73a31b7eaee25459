import { createCell, useCell } from './cell.ts'

/** The path under which the server is, without a slash at its end: of the `<base>` that the server writes into the page. */
export const base = new URL(document.baseURI).pathname.replace(/\/+$/, '')

/** The address in the page of what the server's links name: `/projects/…/tasks/T?comment=…` is the board with that task open. */
function canonical(at: string): string {
  const url = new URL(at, 'http://page')
  const [first, projectId, noun, id, more] = url.pathname.split('/').slice(1)
  if (first !== 'projects' || !projectId) return at
  if (noun === 'tasks') {
    url.pathname = `/projects/${projectId}`
    if (id) url.searchParams.set('task', id)
  } else if (noun === 'vibes' && id) {
    url.pathname = `/projects/${projectId}/cuts`
    url.searchParams.set('vibe', id)
  } else if (noun === 'cuts' && id && more === 'lyrics') {
    url.pathname = `/projects/${projectId}/cuts/${id}`
    url.searchParams.set('part', more)
  }
  return url.pathname + url.search
}

const here = (): string => canonical(location.pathname.slice(base.length) + location.search)
/** The address within the page: `/projects/…?task=…`. */
export const address = createCell(here())

export type Place = 'board' | 'cuts' | 'activity' | 'members' | 'settings'
export type Route =
  | { name: 'home' }
  | { name: 'me' }
  | { name: 'inbox' }
  | { name: 'all-activity'; query: URLSearchParams }
  | { name: 'search'; query: URLSearchParams }
  | { name: 'chat'; conversationId: string | null; query: URLSearchParams }
  | { name: 'shared'; token: string }
  | { name: 'invitation'; token: string }
  | { name: 'unsubscribe'; token: string }
  | { name: 'reset'; token: string | null }
  | { name: 'unknown' }
  | { name: Place; projectId: string; query: URLSearchParams }
  | { name: 'cut'; projectId: string; cutId: string; query: URLSearchParams }

const PLACES: Partial<Record<string, Place>> = {
  '': 'board',
  cuts: 'cuts',
  activity: 'activity',
  members: 'members',
  settings: 'settings',
}

/** What links from outside lead to: it is seen without an account. */
export type OpenRoute = Extract<Route, { token: unknown }>

/** Pages for which no one needs to be signed in, by the first part of their address; the second is a token. */
const OPEN: Partial<Record<string, 'shared' | 'invitation' | 'unsubscribe'>> = {
  shared: 'shared',
  invitations: 'invitation',
  unsubscribe: 'unsubscribe',
}

/** What an address shows. */
export function routeOf(at: string): Route {
  const { pathname, searchParams: query } = new URL(canonical(at), 'http://page')
  const [first = '', projectId = '', third = '', cutId = '', more] = pathname.split('/').slice(1)
  const isShort = third === ''
  if (first === '') return { name: 'home' }
  if (projectId === '') {
    if (first === 'me') return { name: 'me' }
    if (first === 'inbox') return { name: 'inbox' }
    if (first === 'search') return { name: 'search', query }
    if (first === 'activity') return { name: 'all-activity', query }
  }
  if (first === 'chat' && isShort) return { name: 'chat', conversationId: projectId || null, query }
  if (first === 'reset' && isShort) return { name: 'reset', token: projectId || null }
  const open = OPEN[first]
  if (open && projectId !== '' && isShort) return { name: open, token: projectId }
  const name = PLACES[third]
  if (first !== 'projects' || projectId === '' || name === undefined || more !== undefined) return { name: 'unknown' }
  if (cutId === '') return { name, projectId, query }
  return name === 'cuts' ? { name: 'cut', projectId, cutId, query } : { name: 'unknown' }
}
/** What is shown, drawn again when the address changes. */
export const useRoute = (): Route => routeOf(useCell(address))

/** Shows another address. @param replace takes the place of the current one in the history */
export function go(link: string, replace = false): void {
  const to = canonical(link)
  if (to === address.value) return
  history[replace ? 'replaceState' : 'pushState'](null, '', base + to)
  address.value = to
}

/** The current address with one query parameter changed; null removes it. */
export function withQuery(name: string, value: string | null): string {
  const url = new URL(address.value, 'http://page')
  if (value === null) url.searchParams.delete(name)
  else url.searchParams.set(name, value)
  return url.pathname + url.search
}

export const searchPath = (q: string): string => `/search?q=${encodeURIComponent(q)}`
export const chatPath = (conversationId: string): string => `/chat/${conversationId}`
export const projectPath = (projectId: string, place = ''): string => `/projects/${projectId}${place && `/${place}`}`
export const cutPath = (projectId: string, cutId: string): string => `/projects/${projectId}/cuts/${cutId}`

/** A plain click on a link of the page stays in it; all others are the browser's. */
function onClick(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return
  const url = new URL(link.href)
  if (link.target || url.origin !== location.origin || !url.pathname.startsWith(`${base}/`)) return
  const to = url.pathname.slice(base.length) + url.search
  if (routeOf(to).name === 'unknown') return
  event.preventDefault()
  go(to)
}

export function startRouter(): void {
  addEventListener('popstate', () => {
    address.value = here()
  })
  document.addEventListener('click', onClick)
}
