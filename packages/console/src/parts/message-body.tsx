import type { ComponentChild } from 'preact'
import { complain } from '../lib/room.ts'
import { base, go } from '../lib/router.ts'
import { addressOf, type ThingType } from '../lib/things.ts'

const ID = '[0-9a-f]{8}-[0-9a-f-]{27}'
const MARKS = new RegExp(
  String.raw`@\[([^\]]+)\]\(${ID}\)|\[([^\]]+)\]\((project|task|vibe|cut|comment|file):(${ID})\)|(https?://[^\s<>"]+[^\s<>".,;:!?)\]])`,
  'g',
)

/** Goes to a thing that a message names: where that is, is asked for when it is wanted. */
function Thing({ name, type, id }: { name: string; type: ThingType; id: string }) {
  return (
    <button type="button" class="link" onClick={() => void addressOf(type, id).then((to) => go(to), complain)}>
      {name}
    </button>
  )
}

function Address({ url }: { url: string }) {
  const isOwn = url.startsWith(`${location.origin}${base}/`)
  return (
    <a href={url} {...(isOwn ? {} : { target: '_blank', rel: 'noopener noreferrer' })}>
      {url}
    </a>
  )
}

/** A message as it is drawn: people and things by their names, addresses as links. */
export function MessageBody({ body }: { body: string }) {
  const parts: ComponentChild[] = []
  let from = 0
  for (const found of body.matchAll(MARKS)) {
    const [whole, person, name, type, id = '', url] = found
    parts.push(body.slice(from, found.index))
    if (person !== undefined) parts.push(<strong>@{person}</strong>)
    else if (name !== undefined) parts.push(<Thing name={name} type={type as ThingType} id={id} />)
    else if (url !== undefined) parts.push(<Address url={url} />)
    from = found.index + whole.length
  }
  return (
    <p class="body" dir="auto">
      {parts}
      {body.slice(from)}
    </p>
  )
}

/** A message as one line of plain text. */
export const plainBody = (body: string): string =>
  body.replaceAll(MARKS, (whole, person?: string, name?: string) => (person === undefined ? (name ?? whole) : `@${person}`))
