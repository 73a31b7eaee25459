// What a subject of the bench is: one folder in subjects/, with
//   index.ts    exports `subject: Subject`; runs in the bench
//   client.ts   exports `listen: Listen`; runs in a load process
//   server.js   the program, a process of its own
// Peers come from bench/package.json: their index.ts and client.ts import nothing of it when loaded, so that types,
// lint and the other subjects work while they are missing (`missing` says so; client.ts may import() inside `listen`).
import type { BenchPostgres } from './postgres.ts'

export interface Subject {
  /** The name of its folder. */
  name: string
  /** For people, with the version where it has one. */
  title: string
  /** Null when it can run here, else why not, in one line that says what to do. */
  missing(): Promise<string | null>
  /** Starts its server on a free port, in processes of its own, and resolves when it takes requests. */
  start(options: StartOptions): Promise<Running>
}

export interface StartOptions {
  postgres: BenchPostgres
  /** A database that is there already, in place of a new one. */
  databaseUrl?: string
  /** Environment of the server beyond what the subject sets itself, e.g. REDIS_URL. */
  env?: Record<string, string>
  /** How many processes serve the same database; 1 when left out. Subjects that know only one throw at more. */
  nodes?: number
}

export interface Running {
  /** http://127.0.0.1:port of each node. */
  urls: readonly string[]
  /** The processes of its server, in the order of `urls`. What they start in turn counts as theirs. */
  pids: readonly number[]
  databaseUrl: string
  /** People who are logged in, projects with a cut each, and who is a member. Once per database. */
  seed(plan: SeedPlan): Promise<World>
  /** Creates a comment in the place whose body is `bodyOf(n)`; 2xx is success. Nothing but `n` differs between calls with the same person and place. */
  write(person: Person, place: Place, n: string): HttpRequest
  /** Lists 50 comments of the place. */
  list(person: Person, place: Place): HttpRequest
  /** One socket of a person that receives the comments of these places. A load process opens it with `listen` of client.ts. */
  connect(person: Person, places: readonly Place[]): SocketSpec
  /** Ends its processes and leaves the database: that goes with Postgres. */
  stop(): Promise<void>
}

export interface SeedPlan {
  people: number
  projects: number
  /** Members of each project; project p has the people p × members, p × members + 1, …, modulo `people`. */
  members: number
}

/** Serialisable, as are all below. */
export interface World {
  people: readonly Person[]
  places: readonly Place[]
}

export interface Person {
  id: string
  /** What the subject's own login would have answered: a JWT or a session token. */
  token: string
}

/** A project with one cut to write comments on. */
export interface Place {
  id: string
  /** What comments hang on; the project's id where a subject has no cuts. */
  cutId: string
  /** Indexes into `people`; all of them may write. */
  members: readonly number[]
}

export interface HttpRequest {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  /** Empty for GET. */
  body: string
}

export interface SocketSpec {
  /** Whose client.ts opens it. */
  subject: string
  url: string
  token: string
  /** The places it joins. */
  places: readonly string[]
}

/**
 * Opens one authenticated socket and resolves when it has joined all its places: every comment written from then on reaches it.
 * `onComment` is called with the `n` of each, with the time in ms since 1970 (`clock()`).
 * @throws when it is refused
 */
export type Listen = (spec: SocketSpec, onComment: (n: string, receivedAtMs: number) => void) => Promise<Listener>

export interface Listener {
  close(): Promise<void>
}

/** Every `n` has this many characters, so that a load process can put it into a request without building it anew. */
export const N_LENGTH = 10
/** Takes the place of `n` in a template of a request. */
export const N_MARK = '#'.repeat(N_LENGTH)
export const nOf = (count: number): string => String(count).padStart(N_LENGTH, '0')
const BODY = ' is where the second chorus should come in, a little louder than before'
/** The text of comment `n`, about as long as people write. */
export const bodyOf = (n: string): string => n + BODY
export const nOfBody = (body: string): string => body.slice(0, N_LENGTH)

/** Ms since 1970 with fractions, alike in all processes of the machine. */
export const clock = (): number => performance.timeOrigin + performance.now()

/** The members of each project as the plan has them. */
export function membersOf({ people, projects, members }: SeedPlan): number[][] {
  return Array.from({ length: projects }, (_, p) => Array.from({ length: members }, (_, m) => (p * members + m) % people))
}
