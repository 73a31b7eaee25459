import { type Answer, me as endpoints } from '@cutroom/client'
import { complain } from '../lib/room.ts'
import { client, reasonOf } from '../lib/session.ts'
import { useLoaded } from '../lib/until-loaded.ts'
import { Ago } from '../parts/face.tsx'
import { moreTexts } from '../texts-more.ts'

const words = moreTexts.me
type Session = Answer<typeof endpoints.sessions>['data'][number]

/** A browser and a system, as far as a program says which it is. */
function programOf(userAgent: string | null): string {
  if (userAgent === null) return words.unknownAgent
  const browser = /(Firefox|Edg|OPR|Chrome|Safari|node|curl)\/?([\d]+)?/.exec(userAgent)
  const system = /(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(userAgent)?.[1]
  const name = browser?.[1]?.replace('Edg', 'Edge').replace('OPR', 'Opera') ?? userAgent.slice(0, 60)
  return [name, browser?.[2], system && `· ${system}`].filter(Boolean).join(' ')
}

/** Where one is signed in; any other session can be ended here. */
export function Sessions({ onEndAll }: { onEndAll: () => void }) {
  const { found, wrong, reload } = useLoaded(() => client.call(endpoints.sessions))
  const list: readonly Session[] = found?.data ?? []
  const end = (sessionId: string) => client.call(endpoints.endSession, { params: { sessionId } }).then(reload, complain)
  return (
    <section class="card stack" aria-label={words.sessions}>
      <h2>{words.sessions}</h2>
      <p class="quiet">{words.sessionsText}</p>
      {wrong !== null && <p class="note bad">{reasonOf(wrong)}</p>}
      <ul class="list">
        {list.map(({ id, current, userAgent, address, lastUsedAt }) => (
          <li key={id}>
            <div class="grow">
              <strong>{programOf(userAgent)}</strong> {current && <span class="chip">{words.thisOne}</span>}
              <p class="small quiet">
                {address} · {words.used} <Ago at={lastUsedAt} />
              </p>
            </div>
            {!current && (
              <button type="button" class="button" onClick={() => void end(id)}>
                {words.end}
              </button>
            )}
          </li>
        ))}
      </ul>
      <p>
        <button type="button" class="button" onClick={onEndAll}>
          {words.endAll}
        </button>
      </p>
    </section>
  )
}
