import '../styles/cut.css'
import type { Comment, Mutation } from '@cutroom/client'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { useKeys } from '../lib/keys.ts'
import { takeBack, takeOrphans } from '../lib/rewriting.ts'
import { useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { createComment, setResolved, type Target } from '../lib/writes.ts'
import { commentTexts } from '../texts-comments.ts'
import { Composer, type Moment, useMoment } from './composer.tsx'
import { hasAddress } from './pending.tsx'
import { type DrawMoment, type Talk, Thread } from './thread.tsx'
import { Windowed, type WindowedHandle } from './windowed.tsx'

const words = commentTexts.comments
const THREAD_HEIGHT = 92

/** First comments with their replies, oldest first. Threads that have not changed stay the same objects. */
function useTalks(comments: readonly Comment[]): readonly Talk[] {
  const before = useRef(new Map<string, Talk>())
  return useMemo(() => {
    const replies = new Map<string, Comment[]>()
    for (const comment of comments) {
      if (comment.parentId === null) continue
      const list = replies.get(comment.parentId)
      if (list) list.push(comment)
      else replies.set(comment.parentId, [comment])
    }
    const next = new Map<string, Talk>()
    for (const first of comments) {
      if (first.parentId !== null) continue
      const made = { first, replies: replies.get(first.id) ?? [] }
      const known = before.current.get(first.id)
      const isSame =
        known?.first === first &&
        known.replies.length === made.replies.length &&
        known.replies.every((reply, n) => reply === made.replies[n])
      next.set(first.id, known && isSame ? known : made)
    }
    before.current = next
    return [...next.values()]
  }, [comments])
}

/** Names of those who write here. */
function Typing({ targetId }: { targetId: string }) {
  const ids = useRoomValue((room) => room.typing.get(targetId), [targetId])
  const members = useRoomValue((room) => room.state?.members)
  const names = (ids ?? []).filter((id) => id !== client.userId).map((id) => members?.get(id)?.user.name ?? '')
  return (
    <p class="quiet small typing-line" aria-live="off">
      {names.length > 0 && words.typing(names.join(', '))}
    </p>
  )
}

const focusComposer = (): void => document.getElementById('composer')?.focus()

/** j, k, r and e on the thread that has the focus; c writes. */
function useThreadKeys(
  talks: readonly Talk[],
  handle: { current: WindowedHandle | null },
  onEdit: (id: string) => void,
  onWrite: (() => void) | undefined,
): void {
  const room = useRoom()
  const at = () => {
    const id = document.activeElement?.closest('[data-thread]')?.getAttribute('data-thread')
    return talks.findIndex(({ first }) => first.id === id)
  }
  const step = (by: number) => () => {
    const here = at()
    const next = talks[here < 0 ? talks.length - 1 : Math.min(Math.max(here + by, 0), talks.length - 1)]
    if (next) handle.current?.show(next.first.id)
  }
  const onThread = (run: (talk: Talk) => void) => () => {
    const talk = talks[at()]
    if (!talk || !hasAddress(talk.first)) return false
    run(talk)
    return true
  }
  useKeys({
    j: step(1),
    k: step(-1),
    c: () => {
      onWrite?.()
      focusComposer()
    },
    r: onThread(({ first }) => setResolved(room, first, first.resolvedAt === null)),
    e: onThread(({ first }) => (first.author.id === client.userId ? onEdit(first.id) : undefined)),
  })
}

/** What the threads of a cut have to do with what is heard. */
export interface Listening {
  moment: Moment
  drawMoment: DrawMoment
  /** The first comment of the thread that is about the moment that is heard. */
  heardId: string | null
  /** Nothing can be heard: null. Else whether that thread comes into sight by itself; it does while it plays. */
  follows: boolean | null
  isPlaying: boolean
  onFollow: (follows: boolean) => void
  /** A comment is begun: about this moment. */
  onWrite: () => void
}

/** While it plays, the thread of the moment comes into sight; not while a person writes in one. */
function useFollowing(
  { heardId, follows, isPlaying }: Pick<Listening, 'heardId' | 'follows' | 'isPlaying'>,
  handle: { current: WindowedHandle | null },
): void {
  useEffect(() => {
    if (heardId !== null && follows && isPlaying && !document.activeElement?.closest('[data-thread]'))
      handle.current?.reveal(heardId)
  }, [heardId, follows, isPlaying])
}

/** How often something was put into the box of new comments: a refused one, or what one wrote about comments that are gone. */
function useRewriting(targetId: string, moment: Moment, all: readonly Comment[]) {
  const room = useRoom()
  const pending = useRoomValue((each) => each.pending)
  const [count, setCount] = useState(0)
  const latest = useRef(moment)
  latest.current = moment
  const renew = () => setCount((n) => n + 1)
  const onRewrite = useCallback(
    (mutation: Mutation) => {
      const { atMs = null, endMs = null } = takeBack(mutation, targetId)
      latest.current.set(atMs, endMs)
      renew()
      focusComposer()
    },
    [targetId],
  )
  useEffect(() => {
    if (!takeOrphans(room, targetId)) return
    toast(words.orphaned)
    renew()
    // the box that is gone had the focus
    if (document.activeElement === document.body) focusComposer()
  }, [targetId, all, pending])
  return { count, onRewrite }
}

const deaf = { heardId: null, follows: null, isPlaying: false }

/** The threads on a cut or a task, and a place to write. @param commentId the comment to begin at */
export function Comments({ target, commentId, listening }: { target: Target; commentId?: string | null; listening?: Listening }) {
  const plainMoment = useMoment()
  const moment = listening?.moment ?? plainMoment
  const room = useRoom()
  const mayComment = useMay('commenter')
  const mayEdit = useMay('editor')
  const isOwner = useMay('owner')
  const all = useRoomValue(({ state }) => state?.commentsOf(target.id) ?? [], [target.id])
  const { count, onRewrite } = useRewriting(target.id, moment, all)
  const [hidesResolved, setHidesResolved] = useState(false)
  const [editing, setEditing] = useState<string | null>(null)
  const talks = useTalks(all)
  const shown = useMemo(
    () => (hidesResolved ? talks.filter(({ first }) => first.resolvedAt === null) : talks),
    [talks, hidesResolved],
  )
  const handle = useRef<WindowedHandle>(null)
  useThreadKeys(shown, handle, setEditing, listening?.onWrite)
  useFollowing(listening ?? deaf, handle)
  useEffect(() => {
    const comment = commentId ? all.find(({ id }) => id === commentId) : undefined
    if (comment) handle.current?.show(comment.parentId ?? comment.id)
  }, [commentId])
  const hasResolved = talks.some(({ first }) => first.resolvedAt !== null)
  return (
    <div class="comments">
      <div class="row wrap">
        <h2 class="grow">
          {words.title} <span class="quiet small">{all.length}</span>
        </h2>
        {listening && listening.follows !== null && (
          <label class="check small">
            <input
              type="checkbox"
              checked={listening.follows}
              onChange={(event) => listening.onFollow(event.currentTarget.checked)}
            />
            {words.follow}
          </label>
        )}
        {hasResolved && (
          <label class="check small">
            <input type="checkbox" checked={hidesResolved} onChange={(event) => setHidesResolved(event.currentTarget.checked)} />
            {words.hideResolved}
          </label>
        )}
      </div>
      <Windowed
        items={shown}
        keyOf={({ first }) => first.id}
        estimate={THREAD_HEIGHT}
        label={words.title}
        fromEnd
        handle={handle}
        empty={
          <div class="empty">
            <h2>{words.empty}</h2>
            <p>{target.kind === 'cut' ? words.emptyText : words.emptyTask}</p>
          </div>
        }
        draw={(talk) => (
          <Thread
            talk={talk}
            target={target}
            rights={mayComment ? (isOwner ? 'all' : mayEdit ? 'resolve' : 'own') : 'none'}
            editing={editing}
            onEdit={setEditing}
            onRewrite={onRewrite}
            isHeard={listening?.heardId === talk.first.id}
            drawMoment={listening?.drawMoment}
          />
        )}
      />
      <Typing targetId={target.id} />
      {mayComment ? (
        <Composer
          renewed={count}
          id="composer"
          label={words.label}
          targetId={target.id}
          {...(target.kind === 'cut' && { moment })}
          onSend={(body, span) => createComment(room, target, body, span).then(() => handle.current?.toEnd())}
        />
      ) : (
        <p class="quiet small">{words.cannot}</p>
      )}
    </div>
  )
}
