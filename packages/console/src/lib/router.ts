import { createCell, useCell } from './cell.ts'

/** The path under which the server is, without a slash at its end: of the `<base>` that the server writes into the page. */
export const base = new URL(document.baseURI).pathname.replace(/\/+$/, '')

const here = (): string => location.pathname.slice(base.length) + location.search
/** The address within the page: `/projects/…?task=…`. */
export const address = createCell(here())

export type Place = 'board' | 'cuts' | 'members' | 'settings'
export type Route =
  | { name: 'home' }
  | { name: 'me' }
  | { name: 'unknown' }
  | { name: Place; projectId: string; query: URLSearchParams }
  | { name: 'cut'; projectId: string; cutId: string; query: URLSearchParams }

const PLACES: Partial<Record<string, Place>> = { '': 'board', cuts: 'cuts', members: 'members', settings: 'settings' }

/** What an address shows. */
export function routeOf(at: string): Route {
  const { pathname, searchParams: query } = new URL(at, 'http://page')
  const [first = '', projectId = '', third = '', cutId = '', more] = pathname.split('/').slice(1)
  if (first === '') return { name: 'home' }
  if (first === 'me' && projectId === '') return { name: 'me' }
  const name = PLACES[third]
  if (first !== 'projects' || projectId === '' || name === undefined || more !== undefined) return { name: 'unknown' }
  if (cutId === '') return { name, projectId, query }
  return name === 'cuts' ? { name: 'cut', projectId, cutId, query } : { name: 'unknown' }
}
/** What is shown, drawn again when the address changes. */
export const useRoute = (): Route => routeOf(useCell(address))

/** Shows another address. @param replace takes the place of the current one in the history */
export function go(to: string, replace = false): void {
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
