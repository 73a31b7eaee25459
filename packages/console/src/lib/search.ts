import { type SearchAnswer, type SearchType, search } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { client, reasonOf } from './session.ts'

/** How long typing rests before the server is asked, ms. */
const REST_MS = 150
/** As many characters as a search may have. */
export const MAX_QUERY = 200

export interface SearchQuery {
  q: string
  projectId?: string | null
  type?: SearchType | null
  limit: number
}
/** What was found, and for which words: while others are searched, what was found before stays. */
export interface Search {
  answer: SearchAnswer | null
  of: string
  isBusy: boolean
  /** Why there is no answer. */
  wrong: string | null
}
const nothing: Search = { answer: null, of: '', isBusy: false, wrong: null }

/** Searches when typing rests, and again when the connection is back. An older answer never replaces a newer one. */
export function useSearch({ q, projectId = null, type = null, limit }: SearchQuery): Search {
  const [shown, setShown] = useState<Search>(nothing)
  const [tries, setTries] = useState(0)
  useEffect(() => {
    if (q === '') {
      setShown(nothing)
      return
    }
    const aborted = new AbortController()
    const ask = () =>
      client
        .call(search.find, {
          query: { q, limit: String(limit), ...(projectId && { projectId }), ...(type && { types: type }) },
          signal: aborted.signal,
        })
        .then(
          (answer) => setShown({ answer, of: q, isBusy: false, wrong: null }),
          (error) => {
            if (!aborted.signal.aborted) setShown((before) => ({ ...before, isBusy: false, wrong: reasonOf(error) }))
          },
        )
    setShown((before) => ({ ...before, isBusy: true }))
    const timer = setTimeout(() => void ask(), REST_MS)
    return () => {
      clearTimeout(timer)
      aborted.abort()
    }
  }, [q, projectId, type, limit, tries])
  useEffect(() => {
    const again = () => setTries((n) => n + 1)
    addEventListener('online', again)
    return () => removeEventListener('online', again)
  }, [])
  return shown
}
