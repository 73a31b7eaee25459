/** What of a notification is shown by clients that know a title and a text. */
export interface NewNotification {
  id: string
  kind: string
  text: string | null
  link: string
  project: { name: string } | null
  actor: { name: string } | null
  createdAt: string
}

/** Who, what, where: `Ann · mention · First album`. */
export const titleOf = ({ actor, kind, project }: NewNotification): string =>
  [actor?.name, kind, project?.name].filter(Boolean).join(' · ')
