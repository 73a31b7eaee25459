import type { Activity } from '@cutroom/client'
import { type ActivityList, markAllRead, useActivity, useDismissed } from '../lib/activity.ts'
import { type ActivityFilter, filterOf } from '../lib/activity-filter.ts'
import { sentenceOf, wordsOf } from '../lib/activity-words.ts'
import { complain } from '../lib/room.ts'
import { base } from '../lib/router.ts'
import { nextRow, useRowKeys } from '../lib/row-keys.ts'
import { actOnToast, toast } from '../lib/say.ts'
import { client, reasonOf } from '../lib/session.ts'
import { shortDay } from '../lib/time.ts'
import { ActivityFilters } from '../parts/activity-filters.tsx'
import { Days } from '../parts/days.tsx'
import { Ago, Face } from '../parts/face.tsx'
import { UndoIcon } from '../parts/frame-icons.tsx'
import { CheckIcon, CloseIcon } from '../parts/icons.tsx'
import { More } from '../parts/more.tsx'
import { phrase } from '../parts/phrase.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { texts } from '../texts.ts'
import { activityTexts as words } from '../texts-activity.ts'
import { useProjects } from './frame.tsx'

interface RowProps {
  activity: Activity
  isUnread: boolean
  /** The project's name, where several are listed. */
  project: string | undefined
  isDismissed: boolean
  onDismiss: (activity: Activity) => void
}

function Row({ activity, isUnread, project, isDismissed, onDismiss }: RowProps) {
  const { id, actor, target, action, link, at } = activity
  const { sentence, slots } = wordsOf(activity)
  const strong = Object.fromEntries(
    Object.entries(slots).map(([name, value]) => [
      name,
      <strong key={name} dir="auto">
        {value}
      </strong>,
    ]),
  )
  const name = (isDismissed ? words.restoreOf : words.dismissOf)(sentenceOf(activity))
  const Icon = isDismissed ? UndoIcon : CloseIcon
  const text = phrase(sentence, strong)
  return (
    <li class={isUnread ? 'fresh' : undefined}>
      <Face person={{ id: actor?.id ?? target.id, name: actor?.name ?? words.noOne, avatarUrl: null }} />
      <div class="grow feed-text">
        {action.endsWith(':deleted') ? (
          <span class="sentence" data-row={id} tabIndex={-1}>
            {text}
          </span>
        ) : (
          <a class="sentence" data-row={id} href={base + link}>
            {isUnread && <span class="hidden">{words.isUnread}: </span>}
            {text}
          </a>
        )}
        <p class="quiet small row">
          {project !== undefined && (
            <>
              <span class="clip" dir="auto">
                {project}
              </span>
              ·
            </>
          )}
          <Ago at={at} />
        </p>
      </div>
      <button
        type="button"
        class="icon-button"
        title={isDismissed ? words.restore : words.dismiss}
        aria-label={name}
        onClick={() => onDismiss(activity)}
      >
        <Icon />
      </button>
    </li>
  )
}

/** Why there is nothing to list. */
function Nothing({ filter }: { filter: ActivityFilter }) {
  const { which, kind, actorId } = filter
  const [title, text] =
    which === 'dismissed'
      ? [words.noneDismissed, words.noneDismissedText]
      : kind !== null || actorId !== null
        ? [words.none, words.noneText]
        : which === 'unread'
          ? [words.noneUnread, words.noneUnreadText]
          : [words.empty, words.emptyText]
  return (
    <div class="empty">
      <h2>{title}</h2>
      <p>{text}</p>
    </div>
  )
}

/** Dismisses or restores, and says so with the way back. */
async function change(activity: Activity, isDismissed: boolean): Promise<void> {
  const { dismiss, restore } = client.activity
  const [run, back, text] = isDismissed
    ? ([restore, dismiss, words.restored] as const)
    : ([dismiss, restore, words.dismissed] as const)
  await run(activity.id)
  toast(text, 'plain', { text: words.undo, run: () => void back(activity.id).catch(complain) })
}

/** What happened in a project, or in all of one's projects: by day, the newest first. */
export function ActivityView({ query, projectId = null }: { query: URLSearchParams; projectId?: string | null }) {
  const filter = filterOf(query, projectId)
  const isDismissed = filter.which === 'dismissed'
  const [all, dismissed] = [useActivity(filter), useDismissed(filter)]
  const { list, wrong, reload } = isDismissed ? dismissed : all
  const projects = useProjects() ?? []
  const find = (id: string) => list?.items.find((one) => one.id === id)
  const onDismiss = (activity: Activity) => {
    const focusNext = nextRow(activity.id)
    void change(activity, isDismissed).then(focusNext, complain)
  }
  const onRow = (run: (activity: Activity) => void) => (id: string) => {
    const found = find(id)
    if (found) run(found)
  }
  useRowKeys(
    { d: onRow(onDismiss), u: onRow((activity) => void client.activity.markRead(activity).catch(complain)) },
    { z: actOnToast },
  )
  return (
    <div class="page">
      <div class="page-head">
        <h1>{projectId === null ? words.allTitle : words.title}</h1>
        <button
          type="button"
          class="button"
          onClick={() => void markAllRead(filter.projectId).then(() => toast(words.allRead), complain)}
        >
          <CheckIcon />
          {words.readAll}
        </button>
        {projectId !== null && (
          <a class="button plain" href={`${base}/activity`}>
            {words.all}
          </a>
        )}
      </div>
      <ActivityFilters filter={filter} ofProject={projectId !== null} list={list?.items ?? []} />
      {wrong !== null && (
        <p class="note bad row wrap">
          <span class="grow">{reasonOf(wrong)}</span>
          <button type="button" class="button tight" onClick={reload}>
            {texts.tryAgain}
          </button>
        </p>
      )}
      {list === null && wrong === null && <Waiting reason={words.waits} />}
      {list !== null && list.fresh > 0 && (
        <p class="more-row">
          <button type="button" class="button primary tight" onClick={list.showFresh}>
            {words.fresh(list.fresh)}
          </button>
        </p>
      )}
      {list !== null && list.items.length === 0 && !list.hasMore && <Nothing filter={filter} />}
      <Days
        items={list?.items ?? []}
        at={({ at }) => at}
        draw={(activity) => (
          <Row
            key={activity.id}
            {...{ activity, isDismissed, onDismiss }}
            isUnread={!activity.isRead}
            project={projectId === null ? projects.find(({ id }) => id === activity.projectId)?.name : undefined}
          />
        )}
      />
      {list !== null && <End list={list} />}
    </div>
  )
}

/** The way further back, or where the log ends. */
function End({ list: { items, hasMore, searchedTo, endsAt, more } }: { list: ActivityList }) {
  if (hasMore)
    return (
      <>
        {items.length === 0 && searchedTo !== null && <p class="quiet small list-end">{words.looking(shortDay(searchedTo))}</p>}
        <More text={items.length === 0 ? words.goOn : words.more} more={more} />
      </>
    )
  if (endsAt === null && items.length === 0) return null
  return <p class="quiet small list-end">{endsAt === null ? words.ends : words.endsAt(shortDay(endsAt))}</p>
}
