import type { Notification } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { withNames } from '../lib/mentions.ts'
import { sentenceOf, slotsOf } from '../lib/notification-words.ts'
import { complain } from '../lib/room.ts'
import { base } from '../lib/router.ts'
import { nextRow, useRowKeys } from '../lib/row-keys.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { useSelected } from '../lib/use-selected.ts'
import { Days } from '../parts/days.tsx'
import { Ago, Face } from '../parts/face.tsx'
import { CheckIcon, CloseIcon, SettingsIcon } from '../parts/icons.tsx'
import { More } from '../parts/more.tsx'
import { phrase } from '../parts/phrase.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { inboxTexts as words } from '../texts-inbox.ts'

const see = ({ id, seenAt }: Notification): void => {
  if (seenAt === null) void client.notifications.markSeen(id).catch(complain)
}

function Row({ notification, onDelete }: { notification: Notification; onDelete: (id: string) => void }) {
  const { id, kind, actor, project, target, text, link, seenAt, createdAt } = notification
  const sentence = sentenceOf(notification)
  const strong = (value: string) => <strong dir="auto">{value}</strong>
  const slots = Object.fromEntries(Object.entries(slotsOf(notification)).map(([name, value]) => [name, strong(value)]))
  // what the sentence has not said already
  const excerpt = kind === 'mention' || kind === 'reply' ? text : null
  return (
    <li class={seenAt === null ? 'fresh' : undefined}>
      <Face person={actor ?? { ...target, name: words.noOne, avatarUrl: null }} />
      <div class="grow feed-text">
        <a
          class="sentence"
          data-row={id}
          href={base + link}
          onClick={() => see(notification)}
          onAuxClick={() => see(notification)}
        >
          {seenAt === null && <span class="hidden">{words.unseen}: </span>}
          {phrase(words.says[kind], slots)}
        </a>
        {excerpt && (
          <p class="excerpt" dir="auto">
            {withNames(excerpt)}
          </p>
        )}
        <p class="quiet small row">
          {project && !words.says[kind].includes('{where}') && (
            <>
              <span class="clip" dir="auto">
                {project.name}
              </span>
              ·
            </>
          )}
          <Ago at={createdAt} />
        </p>
      </div>
      <span class="feed-actions">
        {seenAt === null && (
          <button
            type="button"
            class="icon-button"
            title={words.see}
            aria-label={words.seeOf(sentence)}
            onClick={() => see(notification)}
          >
            <CheckIcon />
          </button>
        )}
        <button
          type="button"
          class="icon-button"
          title={words.delete}
          aria-label={words.deleteOf(sentence)}
          onClick={() => onDelete(id)}
        >
          <CloseIcon />
        </button>
      </span>
    </li>
  )
}

function Empty({ title, text }: { title: string; text: string }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      <p>{text}</p>
    </div>
  )
}

/** What one must not miss, the newest first, by day. */
export function Inbox() {
  const state = useSelected(() => client.notifications.select(({ state }) => state), [])
  const { items: list = null, unseen = 0, hasMore = false } = state ?? {}
  const more = () => client.notifications.loadMore()
  const [isUnseenOnly, setUnseenOnly] = useState(false)
  const shown = isUnseenOnly ? (list ?? []).filter(({ seenAt }) => seenAt === null) : (list ?? [])
  const find = (id: string) => list?.find((one) => one.id === id)
  const remove = (id: string) => {
    const focusNext = nextRow(id)
    void client.notifications.remove(id).then(focusNext, complain)
  }
  useRowKeys({
    d: remove,
    u: (id) => {
      const found = find(id)
      if (found) see(found)
    },
  })
  const isBeyond = isUnseenOnly && unseen > 0 && shown.length === 0 && hasMore
  useEffect(() => {
    // those that were not seen are further back
    if (isBeyond) void more().catch(complain)
  }, [isBeyond, list])
  if (list === null) return <Waiting reason={words.waits} />
  return (
    <div class="page">
      <div class="page-head inbox-head">
        <h1>{words.title}</h1>
        {unseen > 0 && (
          <button
            type="button"
            class="button"
            onClick={() => void client.notifications.markAllSeen().then(() => announce(words.allSeen), complain)}
          >
            <CheckIcon />
            {words.seeAll}
          </button>
        )}
        <a class="button plain" href={`${base}/activity`}>
          {words.activity}
        </a>
        <a class="icon-button" href={`${base}/me?part=notifications`} title={words.preferences} aria-label={words.preferences}>
          <SettingsIcon />
        </a>
      </div>
      <fieldset class="switch" aria-label={words.filter}>
        {[false, true].map((only) => (
          <button
            key={String(only)}
            type="button"
            class="button tight"
            aria-pressed={isUnseenOnly === only}
            onClick={() => setUnseenOnly(only)}
          >
            {only ? words.onlyUnseen : words.all}
            {only && unseen > 0 && ` ${unseen}`}
          </button>
        ))}
      </fieldset>
      {shown.length === 0 && !isBeyond && !hasMore && (
        <Empty
          title={isUnseenOnly && list.length > 0 ? words.emptyUnseen : words.empty}
          text={isUnseenOnly && list.length > 0 ? words.emptyUnseenText : words.emptyText}
        />
      )}
      <Days
        items={shown}
        at={({ createdAt }) => createdAt}
        draw={(one) => <Row key={one.id} notification={one} onDelete={remove} />}
      />
      {hasMore && <More text={words.more} more={more} />}
    </div>
  )
}
