import {
  type ClientOptions,
  type CutroomClient,
  createClient,
  keepConnected,
  type LinkStatus,
  type Problem,
  type User,
} from '@cutroom/client'
import { createContext, createElement, type ReactNode, useContext, useEffect, useMemo, useState } from 'react'
import { useSelect } from './use-select.ts'

export type CutroomProviderProps = { children?: ReactNode } & (
  | {
      /** A client of the app, which the app closes. */
      client: CutroomClient
      options?: undefined
    }
  | {
      /**
       * A client is made of them when the provider mounts, and closed when it unmounts; later changes of them have no effect. Until
       * it is made, which is after the first drawing, the provider draws nothing.
       */
      options: ClientOptions
      client?: undefined
    }
)

/** The connection, and why it was given up. */
export interface Connection {
  readonly status: LinkStatus
  readonly problem: Problem | undefined
}

const Session = createContext<{ client: CutroomClient; isKnown: boolean } | null>(null)
const Link = createContext<Connection>({ status: 'idle', problem: undefined })

/** Made in an effect: a drawing that is thrown away must not leave a client behind, and one that was closed is closed for good. */
function useOwnClient(options: ClientOptions | undefined): CutroomClient | null {
  const [own, setOwn] = useState<CutroomClient | null>(null)
  const isWanted = options !== undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: options are read once, so that they may be written in place
  useEffect(() => {
    if (!options) return
    const made = createClient(options)
    setOwn(made)
    return () => {
      made.close()
      setOwn(null)
    }
  }, [isWanted])
  return own
}

/** The connection of a client from now on, and whether it is known who is logged in. */
function useSession(client: CutroomClient | null): { isKnown: boolean; link: Connection } {
  const [known, setKnown] = useState<CutroomClient | null>(null)
  const [link, setLink] = useState<Connection>({ status: 'idle', problem: undefined })
  useEffect(() => {
    if (!client) return
    const show = (status: LinkStatus, problem?: Problem) => setLink({ status, problem })
    show(client.status)
    const unlisten = client.on('status', show)
    const end = keepConnected(client, {
      onKnown: () => setKnown(client),
      onProblem: (problem) => show(client.status, problem),
    })
    return () => {
      unlisten()
      end()
    }
  }, [client])
  return { isKnown: known === client, link }
}

/**
 * Makes a client available to the hooks below it. Finds out at its start who is logged in, connects when a person is, and again
 * with each login; a logout closes the connection and ends all rooms.
 */
export function CutroomProvider({ client: given, options, children }: CutroomProviderProps): ReactNode {
  const own = useOwnClient(options)
  const client = given ?? own
  const { isKnown, link } = useSession(client)
  const session = useMemo(() => client && { client, isKnown }, [client, isKnown])
  if (!session) return null
  return createElement(Session.Provider, { value: session }, createElement(Link.Provider, { value: link }, children))
}

function useProvided(): { client: CutroomClient; isKnown: boolean } {
  const session = useContext(Session)
  if (!session) throw new Error('Draw this inside of a CutroomProvider')
  return session
}

/** The client of the provider: to log in and out, to call, for its `api`. */
export const useClient = (): CutroomClient => useProvided().client

/** Who is logged in. Null: no one, show the login. Undefined: it is not known yet, show neither. */
export function useMe(): User | null | undefined {
  const { client, isKnown } = useProvided()
  return useSelect(client, ({ me }) => me) ?? (isKnown ? null : undefined)
}

/** Whether the client is connected; with a `problem` where it was given up. */
export function useConnection(): Connection {
  useProvided()
  return useContext(Link)
}
