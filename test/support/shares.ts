import type { NewShare } from '@cutroom/contract'
import type { TestApp } from './app.ts'
import { cutIn, uploadFile, wavOf } from './files.ts'
import { createTeam, type Person } from './people.ts'

export interface ShareInput {
  allows?: 'listen' | 'download'
  password?: string
  expiresAt?: string
}

/** A link to a file or a cut. */
export const share = (person: Person, of: { fileId: string } | { cutId: string }, input: ShareInput = {}): Promise<NewShare> =>
  person.must('POST', 'fileId' in of ? `/api/files/${of.fileId}/shares` : `/api/cuts/${of.cutId}/shares`, input)

/** A team with a recording on a cut. */
export async function recorded(app: Pick<TestApp, 'url'>) {
  const team = await createTeam(app, 'viewer', 'commenter', 'editor')
  const cutId = await cutIn(team.owner, team.project)
  const bytes = wavOf(1)
  const file = await uploadFile(app, team.owner, cutId, bytes, { filename: 'Morning.wav' })
  return { ...team, cutId, bytes, file }
}

/** A visitor asks, without an account. */
export const visit = (
  { url }: Pick<TestApp, 'url'>,
  token: string,
  path: '' | '/content' | '/content?download=true' | '/peaks' | '/waveform.svg' = '',
  init: RequestInit = {},
): Promise<Response> => fetch(`${url}/api/shared/${token}${path}`, init)

/** A visitor types a password. */
export const openWith = (
  { url }: Pick<TestApp, 'url'>,
  token: string,
  password: string,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}/api/shared/${token}/open`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ password }),
  })

/** The status and, of a problem, its code. */
export async function verdict(response: Response): Promise<string> {
  const text = await response.text()
  return response.status < 400 ? `${response.status}` : `${response.status} ${JSON.parse(text).code}`
}

/** What a browser sends back of the cookies that an answer sets. */
export const cookieOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
