// The typed client, for browsers, React Native and Node. Of the contract it has the endpoints, problems and types, not the schemas.
export type { Activities, ActivityActions, ActivityItem, ActivityQuery, ActivityState } from './activity.ts'
export type { Call, CallArgs, CallOptions } from './call.ts'
export type { ClientEvents, ClientOptions, CutroomClient, UserState } from './client.ts'
export type { CommentsPart } from './comments-part.ts'
export type { LinkStatus, SocketSettings } from './connection.ts'
export type { ConversationActions, Conversations, ConversationsState, History, SendingMessage } from './conversations.ts'
export { createClient } from './create-client.ts'
export type { Draw } from './draw.ts'
export type { Answer, Endpoint, Input } from './endpoint.ts'
export * from './generated/contract.ts'
export { type KeepConnectedHooks, keepConnected } from './keep-connected.ts'
export { type FetchPage, loadProject } from './load.ts'
export type { SessionMode, Tokens } from './login.ts'
export type { Mutation, MutationArgs, MutationOptions, MutationState, MutationStore, TextStore } from './mutation.ts'
export type { NotificationActions, NotificationState, Notifications } from './notifications.ts'
export type { Api } from './nouns.ts'
export type { Facade } from './part.ts'
export { placeAfter } from './place-after.ts'
export { CutroomError } from './problem.ts'
export { addPage, applyEvent, type ProjectContent, type ProjectPage, type ProjectState, snapshotOf, stateOf } from './reduce.ts'
export type { Position } from './resume-hooks.ts'
export type { Room, RoomEvents, RoomOptions, RoomStatus } from './room.ts'
export type { Selected } from './select.ts'
export type { StoredTokens } from './token-store.ts'
export type {
  InterruptedUpload,
  Upload,
  UploadArgs,
  UploadState,
  UploadStatus,
  UploadStore,
  Uploads,
} from './upload.ts'
