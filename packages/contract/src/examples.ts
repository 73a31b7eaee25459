// What the examples of the reference are made of: one story, so that the ids in them fit together.

const uuid = (n: number): string => `0199f0c2-3a${n.toString(16).padStart(2, '0')}-7b1e-8c4d-2f6a91d0e5b1`

export const ids = {
  ann: uuid(1),
  bo: uuid(2),
  session: uuid(3),
  project: uuid(4),
  task: uuid(5),
  vibe: uuid(6),
  cut: uuid(7),
  comment: uuid(8),
  event: uuid(9),
  request: uuid(10),
  file: uuid(11),
  share: uuid(12),
  notification: uuid(13),
  invitation: uuid(14),
  conversation: uuid(15),
  message: uuid(16),
  webhook: uuid(17),
  delivery: uuid(18),
}

export const ann = { id: ids.ann, name: 'Ann', avatarUrl: null }
export const bo = { id: ids.bo, name: 'Bo', avatarUrl: 'https://example.com/bo.png' }

/** Of a link. */
export const exampleToken = 'ZXhhbXBsZS1vZi1hLXRva2VuLW9mLWEtc2hhcmUtbGk'

/** When it happens. */
export const at = '2026-03-01T10:00:00.000Z'
export const later = '2026-03-01T10:15:00.000Z'
/** What every entity has, as it was made. */
export const fresh = { version: 1, createdAt: at, updatedAt: at }
