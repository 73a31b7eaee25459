import {
  type ClientOptions,
  type CutroomClient,
  createClient,
  keepConnected,
  type LinkStatus,
  type Problem,
  type User,
} from '@cutroom/client'
import {
  type ComputedRef,
  computed,
  type InjectionKey,
  inject,
  onMounted,
  onScopeDispose,
  provide,
  type Ref,
  ref,
  type ShallowRef,
  shallowRef,
} from 'vue'
import { useSelect } from './use-select.ts'

/** A client of the app, which the app closes; or options of one that is made here, and closed with the component. */
export type Provided = { client: CutroomClient; options?: undefined } | { options: ClientOptions; client?: undefined }

/** The connection, and why it was given up. */
export interface Connection {
  readonly status: LinkStatus
  readonly problem: Problem | undefined
}

interface Session {
  client: CutroomClient
  isKnown: Ref<boolean>
  link: ShallowRef<Connection>
}

const key: InjectionKey<Session> = Symbol('cutroom')

/**
 * Makes a client available to the composables of this component's descendants. Finds out at its start who is logged in, connects
 * when a person is, and again with each login; a logout closes the connection and ends all rooms.
 */
export function provideCutroom({ client: given, options }: Provided): CutroomClient {
  const client = given ?? createClient(options)
  const isKnown = ref(false)
  const link = shallowRef<Connection>({ status: client.status, problem: undefined })
  const show = (status: LinkStatus, problem?: Problem) => {
    link.value = { status, problem }
  }
  let end = () => {}
  // a server draws what is not known yet, and asks for nothing
  onMounted(() => {
    show(client.status)
    const unlisten = client.on('status', show)
    const disconnect = keepConnected(client, {
      onKnown: () => {
        isKnown.value = true
      },
      onProblem: (problem) => show(client.status, problem),
    })
    end = () => {
      unlisten()
      disconnect()
    }
  })
  onScopeDispose(() => {
    end()
    if (!given) client.close()
  })
  provide(key, { client, isKnown, link })
  return client
}

function useSession(): Session {
  const session = inject(key, null)
  if (!session) throw new Error('Use this below a component that called provideCutroom')
  return session
}

/** The client that was provided: to log in and out, to call, for its `api`. */
export const useClient = (): CutroomClient => useSession().client

/** Who is logged in. Null: no one, show the login. Undefined: it is not known yet, show neither. */
export function useMe(): ComputedRef<User | null | undefined> {
  const { client, isKnown } = useSession()
  const me = useSelect(client, ({ me }) => me)
  return computed(() => me.value ?? (isKnown.value ? null : undefined))
}

/** Whether the client is connected; with a `problem` where it was given up. */
export const useConnection = (): Readonly<ShallowRef<Connection>> => useSession().link
