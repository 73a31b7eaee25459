import '../styles/mentions.css'
import type { Member } from '@cutroom/client'
import type { RefObject } from 'preact'
import { useEffect, useId, useLayoutEffect, useMemo, useState } from 'preact/hooks'
import { useRoomValue } from '../lib/room.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { mentionTexts as words } from '../texts-mentions.ts'
import { moreTexts } from '../texts-more.ts'
import { Face } from './face.tsx'

/** What can be seen at once, and a few more. */
const MOST = 8

/** Members of whose name a word begins so. */
function useFound(name: string): readonly Member[] {
  const members = useRoomValue(({ state }) => state?.members)
  return useMemo(() => {
    const begun = name.toLowerCase()
    return [...(members?.values() ?? [])]
      .filter(({ userId, user }) => userId !== client.userId && ` ${user.name.toLowerCase()}`.includes(` ${begun}`))
      .toSorted((a, b) => a.user.name.localeCompare(b.user.name))
      .slice(0, MOST)
  }, [members, name])
}

/** Keys of the box while there is something to choose. They come before its own. */
function useChoosing(
  box: RefObject<HTMLElement | null>,
  listId: string,
  count: number,
  { onChoose, onClose }: { onChoose: (at: number) => void; onClose: () => void },
): number {
  const [chosen, setChosen] = useState(0)
  const active = Math.min(chosen, count - 1)
  useLayoutEffect(() => {
    const input = box.current
    if (!input || count === 0) return
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return
      if (event.key === 'ArrowDown') setChosen((active + 1) % count)
      else if (event.key === 'ArrowUp') setChosen((active + count - 1) % count)
      else if (event.key === 'Enter' || event.key === 'Tab') onChoose(active)
      else if (event.key === 'Escape') onClose()
      else return
      event.preventDefault()
      event.stopImmediatePropagation()
    }
    input.setAttribute('aria-controls', listId)
    input.setAttribute('aria-activedescendant', `${listId}-${active}`)
    input.addEventListener('keydown', onKey, true)
    return () => {
      input.removeAttribute('aria-controls')
      input.removeAttribute('aria-activedescendant')
      input.removeEventListener('keydown', onKey, true)
    }
  })
  return active
}

/** The members whose name was begun after `@`: a list below the box that its keys go through. */
export function MentionList(props: {
  box: RefObject<HTMLElement | null>
  name: string
  onChoose: (person: Member['user']) => void
  onClose: () => void
}) {
  const listId = useId()
  const found = useFound(props.name)
  const choose = (at: number) => {
    const member = found[at]
    if (member) props.onChoose(member.user)
  }
  const active = useChoosing(props.box, listId, found.length, { onChoose: choose, onClose: props.onClose })
  useEffect(() => {
    if (found.length > 0) announce(words.found(found.length))
  }, [found.length])
  useEffect(() => document.getElementById(`${listId}-${active}`)?.scrollIntoView({ block: 'nearest' }), [active])
  if (found.length === 0) return null
  return (
    <div id={listId} class="mention-list" role="listbox" aria-label={words.label}>
      {found.map(({ userId, user, role }, at) => (
        <button
          type="button"
          key={userId}
          id={`${listId}-${at}`}
          class="mention row"
          role="option"
          aria-selected={at === active}
          tabIndex={-1}
          // the box keeps the focus
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => choose(at)}
        >
          <Face person={user} small />
          <span class="clip" dir="auto">
            {user.name}
          </span>
          <span class="quiet small">{moreTexts.members.roles[role]}</span>
        </button>
      ))}
    </div>
  )
}
