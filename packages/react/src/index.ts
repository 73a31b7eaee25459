// React and Preact hooks over @cutroom/client. Nothing here is imported but React, under whose name preact/compat may stand.
export { type Connection, CutroomProvider, type CutroomProviderProps, useClient, useConnection, useMe } from './provider.ts'
export { type Mutate, type MutateOptions, useMutation } from './use-mutation.ts'
export { usePresence } from './use-presence.ts'
export { useRoom } from './use-room.ts'
export type { Source } from './use-select.ts'
export { useSelect } from './use-select.ts'
export { useTyping } from './use-typing.ts'
