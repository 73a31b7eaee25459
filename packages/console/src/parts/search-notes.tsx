import type { Search } from '../lib/search.ts'
import { client } from '../lib/session.ts'
import { useSelected } from '../lib/use-selected.ts'
import { searchTexts as words } from '../texts-search.ts'

/** An index that is behind by less is not worth a word, s. */
const BEHIND = 3

/** What is to be known of a search: nothing was found, near words were, the index is behind, there is no connection. */
export function SearchNotes({ found, q, count }: { found: Search; q: string; count: number }) {
  const isOnline = useSelected(() => client.select(({ status }) => status === 'online'), [])
  const { answer, isBusy, of, wrong } = found
  if (wrong !== null) return <p class="note warn">{isOnline ? wrong : words.offline}</p>
  if (!answer) return isBusy ? <p class="quiet small search-waits">{words.waiting}</p> : null
  const { near, behind } = answer
  return (
    <>
      {count === 0 && of === q && (
        <div class="search-none">
          <p>
            <strong class="long">{words.none(q)}</strong>
          </p>
          <p class="quiet small">{words.noneText}</p>
        </div>
      )}
      {near.length > 0 && count > 0 && (
        <p class="note small">
          {words.near} <strong dir="auto">{near.join(', ')}</strong>
        </p>
      )}
      {!behind.complete ? (
        <p class="note warn small">{words.filling}</p>
      ) : (
        behind.seconds >= BEHIND && <p class="note warn small">{words.behind(Math.round(behind.seconds))}</p>
      )}
    </>
  )
}
