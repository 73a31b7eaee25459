import {
  type Activity,
  type CutroomClient,
  createClient,
  type Payload,
  type ProjectEventName,
  type ProjectState,
  type Room,
} from '@cutroom/client'
import { CutroomProvider, useRoom, useSelect } from '@cutroom/react'
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react'

/** With the cookie of the login, on the server's own site; on another site tokens take its place, as examples/page shows. */
const createAppClient = (): CutroomClient => {
  const url = document.querySelector<HTMLMetaElement>('meta[name=cutroom]')?.content ?? ''
  return createClient({ url, mode: 'cookie' })
}
const client = createAppClient()

/** Connects when the person has logged in, and cleans up when they log out. Around the whole app. */
export const SocketProvider = ({ children }: { children: ReactNode }) => (
  <CutroomProvider client={client}>{children}</CutroomProvider>
)

const ProjectContext = createContext<Room | null>(null)

/** Joins the room of a project while its page is open, and leaves it when the person navigates away. */
export const ProjectRoom = ({ projectId, children }: { projectId: string; children: ReactNode }) => (
  <ProjectContext.Provider value={useRoom(projectId)}>{children}</ProjectContext.Provider>
)

export const useProjectRoom = (): Room | null => useContext(ProjectContext)

/** A value of the project that is open, drawn again when it changes. */
export function useProject<T>(pick: (state: ProjectState) => T): T | undefined {
  return useSelect(useProjectRoom(), ({ state }) => (state ? pick(state) : undefined))
}

/** Hears one kind of event of the open project: a sound for `comment:created`, a note for `member:joined`. */
export function useProjectEvent<N extends ProjectEventName>(name: N, listener: (payload: Payload<N>) => void): void {
  const room = useProjectRoom()
  const latest = useRef(listener)
  useEffect(() => {
    latest.current = listener
  })
  // the types of one name are those of `on`
  useEffect(() => room?.on(name as 'task:created', (payload) => latest.current(payload as never)), [room, name])
}

/** What has happened in the open project since it was opened, newest first. */
export function useActivityFeed(limit: number): readonly Activity[] {
  const room = useProjectRoom()
  const [feed, setFeed] = useState<readonly Activity[]>([])
  useEffect(() => {
    setFeed([])
    return room?.on('activity', (activity) => setFeed((before) => [activity, ...before].slice(0, limit)))
  }, [room, limit])
  return feed
}
