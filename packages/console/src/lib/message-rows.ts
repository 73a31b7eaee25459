// The messages of a conversation as they are drawn, those that are on their way included.
import {
  type Conversation,
  messages as endpoints,
  type Message,
  type Mutation,
  type Person,
  type SendingMessage,
} from '@cutroom/client'
import { useMemo, useRef } from 'preact/hooks'
import type { Unsent } from '../parts/pending.tsx'
import { useMinute } from './minute.ts'
import { client } from './session.ts'
import { dayKey, dayName } from './time.ts'
import { useSelected } from './use-selected.ts'

/** Messages of one person within this time stand together, ms. */
const GROUP_MS = 5 * 60_000

/** A message as it is drawn, or one that is being sent. */
export interface MessageRow {
  key: string
  /** Null until the server has it. */
  message: Message | null
  body: string
  author: Person
  at: string
  isOwn: boolean
  /** The day, where it is the first message of one. */
  day: string | null
  /** It begins a group of messages by one person. */
  starts: boolean
  /** The write of it, or of its newest text, that is not confirmed yet. */
  unsent: Unsent | undefined
  /** Others whose newest read message this is. */
  readers: readonly Person[]
}
type Plain = Omit<MessageRow, 'day' | 'starts'>

/** For each message: the others who have read up to it. */
function readersOf({ readUpTo, members }: Conversation, messages: readonly Message[]): Map<string, Person[]> {
  const readers = new Map<string, Person[]>()
  for (const person of members) {
    const upTo = readUpTo[person.id]
    if (person.id === client.userId || upTo === undefined) continue
    // the one they have read last may be deleted: then it is the one before
    const last = messages.findLast(({ id }) => id <= upTo)
    // that a person has read what they wrote themselves is no news
    if (last && last.author.id !== person.id) readers.set(last.id, [...(readers.get(last.id) ?? []), person])
  }
  return readers
}

const bodyOf = ({ args }: Mutation): string => (args.body as { body: string }).body

type Edits = ReadonlyMap<string, Mutation>
const same = (a: readonly Mutation[], b: readonly Mutation[]): boolean =>
  a.length === b.length && a.every((one, n) => one === b[n])
/** Changes of messages that are not confirmed, by the id of the message. */
function useEdits(): Edits {
  const { method, url } = endpoints.update
  const isEdit = ({ endpoint }: Mutation) => endpoint.method === method && endpoint.url === url
  const all = useSelected(() => client.select(({ mutations }) => mutations.filter(isEdit), same), [])
  return useMemo(() => new Map(all.map((one) => [(one.args.params as { messageId: string }).messageId, one])), [all])
}

function plainRows(
  conversation: Conversation,
  messages: readonly Message[],
  sending: readonly SendingMessage[],
  edits: Edits,
): Plain[] {
  const readers = readersOf(conversation, messages)
  const me = conversation.members.find(({ id }) => id === client.userId)
  const there = messages.map((message): Plain => {
    const { id, author, createdAt } = message
    const edit = edits.get(id)
    const body = edit ? bodyOf(edit) : message.body
    const isOwn = author.id === client.userId
    return { key: id, message, body, author, at: createdAt, isOwn, unsent: edit, readers: readers.get(id) ?? [] }
  })
  const sent = sending.map(({ key, body, at, problem }): Plain => {
    const unsent: Unsent = {
      state: problem === null ? 'sending' : 'refused',
      problem: problem ?? undefined,
      retry: () => void client.conversations.retry(key),
      discard: () => void client.conversations.discard(key),
    }
    const author = me ?? { id: client.userId ?? '', name: '', avatarUrl: null }
    return { key, message: null, body, author, at, isOwn: true, unsent, readers: [] }
  })
  return [...there, ...sent]
}

function inGroups(rows: readonly Plain[]): MessageRow[] {
  return rows.map((row, n) => {
    const before = rows[n - 1]
    const isNewDay = before === undefined || dayKey(before.at) !== dayKey(row.at)
    const starts = isNewDay || before.author.id !== row.author.id || Date.parse(row.at) - Date.parse(before.at) > GROUP_MS
    return { ...row, day: isNewDay ? dayName(row.at) : null, starts }
  })
}

const idsOf = (people: readonly Person[]): string => people.map(({ id }) => id).join()
const isSame = (a: MessageRow, b: MessageRow): boolean =>
  a.message === b.message &&
  a.body === b.body &&
  a.unsent?.state === b.unsent?.state &&
  a.unsent?.problem === b.unsent?.problem &&
  a.day === b.day &&
  a.starts === b.starts &&
  idsOf(a.readers) === idsOf(b.readers)

/** Rows that have not changed stay the same objects: only the others are drawn again. */
export function useMessageRows(
  conversation: Conversation,
  messages: readonly Message[],
  sending: readonly SendingMessage[],
): readonly MessageRow[] {
  const before = useRef(new Map<string, MessageRow>())
  const edits = useEdits()
  // the names of days change
  const minute = useMinute()
  return useMemo(() => {
    const rows = inGroups(plainRows(conversation, messages, sending, edits)).map((row) => {
      const known = before.current.get(row.key)
      return known && isSame(known, row) ? known : row
    })
    before.current = new Map(rows.map((row) => [row.key, row]))
    return rows
  }, [conversation, messages, sending, edits, minute])
}
