// Vue composables over @cutroom/client, of the same shape as the hooks of @cutroom/react.
export { type Connection, type Provided, provideCutroom, useClient, useConnection, useMe } from './provide.ts'
export { type Mutate, type MutateOptions, useMutation } from './use-mutation.ts'
export { usePresence } from './use-presence.ts'
export { useRoom } from './use-room.ts'
export { type Source, useSelect } from './use-select.ts'
export { useTyping } from './use-typing.ts'
