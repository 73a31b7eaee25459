import type { RoomEvent, UserEventName } from '@cutroom/contract'
import type { ActivityActions, ActivityState } from './activity.ts'
import type { ConversationActions, ConversationsState } from './conversations.ts'
import type { PassingEvent } from './frames.ts'
import type { NotificationActions, NotificationState } from './notifications.ts'
import type { Facade, Part, PartContext } from './part.ts'
import type { Selected } from './select.ts'

/** Picks a value that is another one only after `changed`. */
export type Select = <T>(pick: () => T, same?: (a: T, b: T) => boolean) => Selected<T>

/**
 * A part, of which nothing is loaded until its state is read or something is done with it. What it loads then is newer than all events
 * before: they need not be kept.
 * @param load its code, a chunk of its own
 * @param names of its actions
 */
function createPersonalPart<State, Actions>(
  load: () => Promise<(context: PartContext) => Part<State, Actions>>,
  names: readonly (keyof Actions & string)[],
  context: PartContext,
  select: Select,
) {
  let part: Part<State, Actions> | undefined
  let loading: Promise<Part<State, Actions>> | undefined

  function loaded(): Promise<Part<State, Actions>> {
    loading ??= load().then(
      (create) => {
        part = create(context)
        if (context.userId() !== undefined) part.reload()
        return part
      },
      (error) => {
        loading = undefined
        throw error
      },
    )
    return loading
  }

  const facade = {
    get state(): State | null {
      if (!loading && context.userId() !== undefined) loaded().catch(context.onError)
      return part?.state ?? null
    },
    select: (pick: (part: unknown) => never, same?: (a: never, b: never) => boolean) => select(() => pick(facade), same),
    ...Object.fromEntries(
      names.map((name) => [
        name,
        async (...args: unknown[]) => {
          const { actions, retry } = await loaded()
          retry()
          return (actions[name] as (...args: unknown[]) => unknown)(...args)
        },
      ]),
    ),
  } as Facade<State, Actions>

  return { facade, get: () => part }
}

/** The parts of the person who is logged in. */
export function createPersonalParts(context: PartContext, select: Select) {
  const notifications = createPersonalPart<NotificationState, NotificationActions>(
    () => import('./notifications-part.ts').then(({ createNotifications }) => createNotifications),
    ['loadMore', 'markSeen', 'markAllSeen', 'remove'],
    context,
    select,
  )
  const activity = createPersonalPart<ActivityState, ActivityActions>(
    () => import('./activity-part.ts').then(({ createActivity }) => createActivity),
    ['show', 'loadMore', 'refresh', 'markRead', 'dismiss', 'restore'],
    context,
    select,
  )
  const conversations = createPersonalPart<ConversationsState, ConversationActions>(
    () => import('./conversations-part.ts').then(({ createConversations }) => createConversations),
    ['start', 'open', 'close', 'loadOlder', 'send', 'retry', 'discard', 'edit', 'remove', 'markRead', 'setTyping'],
    context,
    select,
  )
  /** Those whose code is loaded. */
  function each(run: (part: Omit<Part<unknown, unknown>, 'actions'>) => void): void {
    for (const part of [notifications.get(), activity.get(), conversations.get()]) if (part) run(part)
  }
  return {
    facades: { notifications: notifications.facade, activity: activity.facade, conversations: conversations.facade },
    applied: (event: RoomEvent<UserEventName>): void => each((part) => part.applied(event)),
    passing: (event: PassingEvent): void => each((part) => part.passing?.(event)),
    roomLive: (): void => each((part) => part.roomLive?.()),
    reload: (): void => each((part) => part.reload()),
    retry: (): void => each((part) => part.retry()),
    clear: (): void => each((part) => part.clear()),
  }
}
