// Written by `npm run generate:client` from @cutroom/contract, whose schemas a client does not run. Do not edit.
import type * as contract from '@cutroom/contract'
import type { PlainTable } from '../endpoint.ts'

// All types of the contract; the values below take the place of those of the same name.
export type * from '@cutroom/contract'

export const PROTOCOL_VERSION = 4

/** Where uploads in parts begin. */
export const UPLOADS_URL = '/api/uploads'

/** What names of rooms begin with. */
export const roomPrefix = {
  "project": "project:",
  "user": "user:",
} as const

/** The closed list of what can go wrong, by `code`. */
export const problems: typeof contract.problems = {
  "bad-request": {"status":400,"title":"The request is malformed"},
  "token-missing": {"status":401,"title":"Log in first"},
  "token-invalid": {"status":401,"title":"The token is not valid here"},
  "token-expired": {"status":401,"title":"The token has expired"},
  "token-reused": {"status":401,"title":"This refresh token was used before; the session is closed"},
  "session-revoked": {"status":401,"title":"The session was closed"},
  "bad-credentials": {"status":401,"title":"E-mail or password is wrong"},
  "forbidden": {"status":403,"title":"Your role does not allow this"},
  "origin-refused": {"status":403,"title":"This origin is not allowed"},
  "password-required": {"status":403,"title":"This link has a password"},
  "wrong-code": {"status":403,"title":"The code for the first account is wrong"},
  "wrong-address": {"status":403,"title":"The invitation is for another e-mail address"},
  "wrong-password": {"status":403,"title":"The password is wrong"},
  "registration-closed": {"status":403,"title":"Registration is by invitation"},
  "not-found": {"status":404,"title":"Not found"},
  "request-timeout": {"status":408,"title":"The request did not come in time"},
  "conflict": {"status":409,"title":"Another change came first; try again"},
  "email-taken": {"status":409,"title":"This e-mail has an account"},
  "already-member": {"status":409,"title":"Already a member"},
  "already-invited": {"status":409,"title":"This address has an invitation already"},
  "too-many": {"status":409,"title":"There are as many of these as there may be"},
  "last-owner": {"status":409,"title":"A project keeps at least one owner"},
  "webhook-disabled": {"status":409,"title":"The webhook is switched off"},
  "retention-too-short": {"status":409,"title":"This server keeps events for too short a time for webhooks"},
  "idempotency-running": {"status":409,"title":"The first request with this key is still running"},
  "superseded": {"status":409,"title":"A later join or leave took its place"},
  "gone": {"status":410,"title":"No longer here"},
  "stale": {"status":412,"title":"The entity has changed"},
  "tus-version": {"status":412,"title":"Send Tus-Resumable: 1.0.0"},
  "too-large": {"status":413,"title":"The body is too large"},
  "quota-exceeded": {"status":413,"title":"There is no room left for this file"},
  "unsupported-media-type": {"status":415,"title":"This type of content is not taken here"},
  "range-unsatisfiable": {"status":416,"title":"The file has no such part"},
  "validation": {"status":422,"title":"The request does not fit the contract"},
  "idempotency-mismatch": {"status":422,"title":"The key was used for another request"},
  "locked": {"status":423,"title":"Another request is writing to it"},
  "headers-too-large": {"status":431,"title":"The headers are too large"},
  "rate-limited": {"status":429,"title":"Too many requests"},
  "internal": {"status":500,"title":"Something went wrong"},
  "unavailable": {"status":503,"title":"Not available right now"},
  "storage-full": {"status":507,"title":"The store of files is full"},
}

/** The collections of a project's state. `blank`: the fields that a row may have empty. */
export const collections: { [C in contract.CollectionName]: Omit<(typeof contract.collections)[C], 'row'> & { blank: object } } = {
  "members": {"key":"userId","people":["user"],"within":{},"lists":{},"blank":{}},
  "invitations": {"key":"id","people":["author"],"within":{},"lists":{},"blank":{}},
  "tasks": {"key":"id","people":["author","assignee"],"within":{},"lists":{"tasksIn":{"by":["status"],"order":"rank"}},"blank":{"description":null,"assigneeId":null,"assignee":null,"dueAt":null,"labels":[]}},
  "vibes": {"key":"id","people":["author"],"within":{},"lists":{"vibesByRank":{"by":[],"order":"rank"}},"blank":{"theme":null,"notes":null}},
  "cuts": {"key":"id","people":["author","approvedBy"],"within":{"vibeId":"vibes"},"lists":{"cutsOf":{"by":["vibeId"],"order":"rank"}},"blank":{"bpm":null,"timeSignature":null,"approvedFileId":null,"approvedTake":null,"approvedAt":null,"approvedBy":null}},
  "lyrics": {"key":"cutId","people":[],"within":{"cutId":"cuts"},"lists":{},"blank":{"lyrics":[]}},
  "files": {"key":"id","people":["author"],"within":{"cutId":"cuts"},"lists":{"filesOf":{"by":["cutId"],"order":"id"}},"blank":{"take":null,"failure":null,"audio":null,"image":null}},
  "shares": {"key":"id","people":["author"],"within":{"fileId":"files","cutId":"cuts"},"lists":{"sharesOf":{"by":["fileId","cutId"],"order":"id"}},"blank":{"fileId":null,"cutId":null,"expiresAt":null}},
  "comments": {"key":"id","people":["author","resolvedBy"],"within":{"cutId":"cuts","taskId":"tasks","parentId":"comments"},"lists":{"commentsOf":{"by":["cutId","taskId"],"order":"id"}},"blank":{"cutId":null,"taskId":null,"parentId":null,"atMs":null,"endMs":null,"fileId":null,"carriedFrom":null,"resolvedAt":null,"resolvedBy":null,"editedAt":null}},
}

/** What each event of a project's room does to the state. */
export const stateChanges: typeof contract.stateChanges = {
  "project:updated": {"kind":"project"},
  "project:deleted": {"kind":"end"},
  "person:updated": {"kind":"person"},
  "extension:event": {"kind":"none"},
  "member:joined": {"kind":"put","collection":"members"},
  "member:updated": {"kind":"put","collection":"members"},
  "member:left": {"kind":"remove","collection":"members","id":"userId","unsets":{"collection":"tasks","person":"assignee","id":"assigneeId"}},
  "invitation:created": {"kind":"put","collection":"invitations"},
  "invitation:updated": {"kind":"put","collection":"invitations"},
  "invitation:revoked": {"kind":"remove","collection":"invitations","id":"invitationId"},
  "invitation:accepted": {"kind":"remove","collection":"invitations","id":"invitationId"},
  "invitation:expired": {"kind":"remove","collection":"invitations","id":"invitationId"},
  "task:created": {"kind":"put","collection":"tasks"},
  "task:updated": {"kind":"put","collection":"tasks"},
  "task:moved": {"kind":"patch","collection":"tasks","id":"taskId","fields":{"status":"to","rank":"rank"}},
  "task:reranked": {"kind":"patch","collection":"tasks","id":"taskId","fields":{"rank":"rank"},"list":"items"},
  "task:deleted": {"kind":"remove","collection":"tasks","id":"taskId"},
  "vibe:created": {"kind":"put","collection":"vibes"},
  "vibe:updated": {"kind":"put","collection":"vibes"},
  "vibe:moved": {"kind":"patch","collection":"vibes","id":"vibeId","fields":{"rank":"rank"}},
  "vibe:reranked": {"kind":"patch","collection":"vibes","id":"vibeId","fields":{"rank":"rank"},"list":"items"},
  "vibe:deleted": {"kind":"remove","collection":"vibes","id":"vibeId"},
  "cut:created": {"kind":"put","collection":"cuts","begins":{"collection":"lyrics","row":{"lyrics":[],"version":0}}},
  "cut:updated": {"kind":"put","collection":"cuts"},
  "cut:moved": {"kind":"patch","collection":"cuts","id":"cutId","fields":{"vibeId":"toVibeId","rank":"rank"}},
  "cut:reranked": {"kind":"patch","collection":"cuts","id":"cutId","fields":{"rank":"rank"},"list":"items"},
  "cut:drafted": {"kind":"put","collection":"cuts"},
  "cut:submitted": {"kind":"put","collection":"cuts"},
  "cut:approved": {"kind":"put","collection":"cuts"},
  "cut:deleted": {"kind":"remove","collection":"cuts","id":"cutId"},
  "lyrics:updated": {"kind":"put","collection":"lyrics"},
  "file:uploaded": {"kind":"put","collection":"files"},
  "file:updated": {"kind":"put","collection":"files"},
  "file:processed": {"kind":"put","collection":"files"},
  "file:failed": {"kind":"put","collection":"files"},
  "file:deleted": {"kind":"remove","collection":"files","id":"fileId"},
  "share:created": {"kind":"put","collection":"shares"},
  "share:updated": {"kind":"put","collection":"shares"},
  "share:revoked": {"kind":"remove","collection":"shares","id":"shareId"},
  "comment:created": {"kind":"put","collection":"comments"},
  "comment:reply": {"kind":"put","collection":"comments"},
  "comment:updated": {"kind":"put","collection":"comments"},
  "comment:resolved": {"kind":"put","collection":"comments"},
  "comment:reopened": {"kind":"put","collection":"comments"},
  "comment:deleted": {"kind":"remove","collection":"comments","id":"commentId"},
  "webhook:created": {"kind":"none"},
  "webhook:updated": {"kind":"none"},
  "webhook:deleted": {"kind":"none"},
}

export const auth: PlainTable<(typeof contract.endpoints)['auth']> = {
  "register": {"method":"POST","url":"/api/auth/register","access":"public"},
  "login": {"method":"POST","url":"/api/auth/login","access":"public"},
  "refresh": {"method":"POST","url":"/api/auth/refresh","access":"public"},
  "logout": {"method":"POST","url":"/api/auth/logout"},
  "logoutAll": {"method":"POST","url":"/api/auth/logout-all"},
  "session": {"method":"GET","url":"/api/session","access":"public"},
  "forgot": {"method":"POST","url":"/api/auth/forgot","access":"public"},
  "reset": {"method":"POST","url":"/api/auth/reset","access":"public"},
}

export const me: PlainTable<(typeof contract.endpoints)['me']> = {
  "get": {"method":"GET","url":"/api/me"},
  "update": {"method":"PATCH","url":"/api/me"},
  "overview": {"method":"GET","url":"/api/me/overview"},
  "online": {"method":"GET","url":"/api/me/online"},
  "changePassword": {"method":"PUT","url":"/api/me/password"},
  "sessions": {"method":"GET","url":"/api/me/sessions"},
  "endSession": {"method":"DELETE","url":"/api/me/sessions/:sessionId"},
}

export const tokens: PlainTable<(typeof contract.endpoints)['tokens']> = {
  "list": {"method":"GET","url":"/api/me/tokens"},
  "create": {"method":"POST","url":"/api/me/tokens"},
  "revoke": {"method":"DELETE","url":"/api/me/tokens/:tokenId"},
}

export const mail: PlainTable<(typeof contract.endpoints)['mail']> = {
  "get": {"method":"GET","url":"/api/me/mail"},
  "update": {"method":"PUT","url":"/api/me/mail"},
  "unsubscription": {"method":"GET","url":"/api/unsubscribe/:mailToken","access":"public"},
  "unsubscribe": {"method":"POST","url":"/api/unsubscribe/:mailToken","access":"public"},
}

export const notifications: PlainTable<(typeof contract.endpoints)['notifications']> = {
  "list": {"method":"GET","url":"/api/me/notifications"},
  "update": {"method":"PATCH","url":"/api/me/notifications/:notificationId"},
  "seenAll": {"method":"POST","url":"/api/me/notifications/seen-all"},
  "delete": {"method":"DELETE","url":"/api/me/notifications/:notificationId"},
  "preferences": {"method":"GET","url":"/api/me/notification-preferences"},
  "setPreferences": {"method":"PUT","url":"/api/me/notification-preferences"},
}

export const projects: PlainTable<(typeof contract.endpoints)['projects']> = {
  "list": {"method":"GET","url":"/api/projects"},
  "create": {"method":"POST","url":"/api/projects"},
  "get": {"method":"GET","url":"/api/projects/:projectId"},
  "update": {"method":"PATCH","url":"/api/projects/:projectId"},
  "delete": {"method":"DELETE","url":"/api/projects/:projectId"},
}

export const members: PlainTable<(typeof contract.endpoints)['members']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/members"},
  "create": {"method":"POST","url":"/api/projects/:projectId/members"},
  "get": {"method":"GET","url":"/api/projects/:projectId/members/:userId"},
  "update": {"method":"PATCH","url":"/api/projects/:projectId/members/:userId"},
  "delete": {"method":"DELETE","url":"/api/projects/:projectId/members/:userId"},
}

export const invitations: PlainTable<(typeof contract.endpoints)['invitations']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/invitations"},
  "create": {"method":"POST","url":"/api/projects/:projectId/invitations"},
  "get": {"method":"GET","url":"/api/invitations/:invitationId"},
  "resend": {"method":"POST","url":"/api/invitations/:invitationId/resend"},
  "revoke": {"method":"DELETE","url":"/api/invitations/:invitationId"},
  "byToken": {"method":"GET","url":"/api/invitations/by-token/:token","access":"public"},
  "accept": {"method":"POST","url":"/api/invitations/by-token/:token/accept"},
}

export const tasks: PlainTable<(typeof contract.endpoints)['tasks']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/tasks"},
  "create": {"method":"POST","url":"/api/projects/:projectId/tasks"},
  "get": {"method":"GET","url":"/api/tasks/:taskId"},
  "update": {"method":"PATCH","url":"/api/tasks/:taskId"},
  "delete": {"method":"DELETE","url":"/api/tasks/:taskId"},
  "move": {"method":"POST","url":"/api/tasks/:taskId/move"},
}

export const vibes: PlainTable<(typeof contract.endpoints)['vibes']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/vibes"},
  "create": {"method":"POST","url":"/api/projects/:projectId/vibes"},
  "get": {"method":"GET","url":"/api/vibes/:vibeId"},
  "update": {"method":"PATCH","url":"/api/vibes/:vibeId"},
  "delete": {"method":"DELETE","url":"/api/vibes/:vibeId"},
  "move": {"method":"POST","url":"/api/vibes/:vibeId/move"},
}

export const cuts: PlainTable<(typeof contract.endpoints)['cuts']> = {
  "list": {"method":"GET","url":"/api/vibes/:vibeId/cuts"},
  "create": {"method":"POST","url":"/api/vibes/:vibeId/cuts"},
  "get": {"method":"GET","url":"/api/cuts/:cutId"},
  "update": {"method":"PATCH","url":"/api/cuts/:cutId"},
  "delete": {"method":"DELETE","url":"/api/cuts/:cutId"},
  "move": {"method":"POST","url":"/api/cuts/:cutId/move"},
  "setState": {"method":"PUT","url":"/api/cuts/:cutId/state"},
  "lyrics": {"method":"GET","url":"/api/cuts/:cutId/lyrics"},
  "writeLyrics": {"method":"PUT","url":"/api/cuts/:cutId/lyrics"},
}

export const files: PlainTable<(typeof contract.endpoints)['files']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/files"},
  "create": {"method":"POST","url":"/api/cuts/:cutId/files"},
  "get": {"method":"GET","url":"/api/files/:fileId"},
  "update": {"method":"PATCH","url":"/api/files/:fileId"},
  "delete": {"method":"DELETE","url":"/api/files/:fileId"},
  "content": {"method":"GET","url":"/api/files/:fileId/content"},
  "peaks": {"method":"GET","url":"/api/files/:fileId/peaks"},
  "waveform": {"method":"GET","url":"/api/files/:fileId/waveform.svg"},
  "thumbnail": {"method":"GET","url":"/api/files/:fileId/thumbnail"},
  "usage": {"method":"GET","url":"/api/projects/:projectId/usage"},
  "ownUsage": {"method":"GET","url":"/api/me/usage"},
}

export const shares: PlainTable<(typeof contract.endpoints)['shares']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/shares"},
  "createOnFile": {"method":"POST","url":"/api/files/:fileId/shares"},
  "createOnCut": {"method":"POST","url":"/api/cuts/:cutId/shares"},
  "get": {"method":"GET","url":"/api/shares/:shareId"},
  "revoke": {"method":"DELETE","url":"/api/shares/:shareId"},
}

export const comments: PlainTable<(typeof contract.endpoints)['comments']> = {
  "listOnCut": {"method":"GET","url":"/api/cuts/:cutId/comments"},
  "listOnTask": {"method":"GET","url":"/api/tasks/:taskId/comments"},
  "createOnCut": {"method":"POST","url":"/api/cuts/:cutId/comments"},
  "createOnTask": {"method":"POST","url":"/api/tasks/:taskId/comments"},
  "get": {"method":"GET","url":"/api/comments/:commentId"},
  "update": {"method":"PATCH","url":"/api/comments/:commentId"},
  "delete": {"method":"DELETE","url":"/api/comments/:commentId"},
  "reply": {"method":"POST","url":"/api/comments/:commentId/replies"},
  "resolve": {"method":"POST","url":"/api/comments/:commentId/resolve"},
  "reopen": {"method":"POST","url":"/api/comments/:commentId/reopen"},
  "carry": {"method":"POST","url":"/api/files/:fileId/comments/carry"},
}

export const markers: PlainTable<(typeof contract.endpoints)['markers']> = {
  "get": {"method":"GET","url":"/api/files/:fileId/markers"},
  "import": {"method":"POST","url":"/api/files/:fileId/markers"},
}

export const webhooks: PlainTable<(typeof contract.endpoints)['webhooks']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/webhooks"},
  "create": {"method":"POST","url":"/api/projects/:projectId/webhooks"},
  "get": {"method":"GET","url":"/api/webhooks/:webhookId"},
  "update": {"method":"PATCH","url":"/api/webhooks/:webhookId"},
  "delete": {"method":"DELETE","url":"/api/webhooks/:webhookId"},
  "deliveries": {"method":"GET","url":"/api/webhooks/:webhookId/deliveries"},
  "test": {"method":"POST","url":"/api/webhooks/:webhookId/test"},
  "replay": {"method":"POST","url":"/api/webhooks/:webhookId/replay"},
  "rotate": {"method":"POST","url":"/api/webhooks/:webhookId/rotate"},
}

export const shared: PlainTable<(typeof contract.endpoints)['shared']> = {
  "get": {"method":"GET","url":"/api/shared/:token","access":"public"},
  "open": {"method":"POST","url":"/api/shared/:token/open","access":"public"},
  "content": {"method":"GET","url":"/api/shared/:token/content","access":"public"},
  "peaks": {"method":"GET","url":"/api/shared/:token/peaks","access":"public"},
  "waveform": {"method":"GET","url":"/api/shared/:token/waveform.svg","access":"public"},
}

export const activity: PlainTable<(typeof contract.endpoints)['activity']> = {
  "project": {"method":"GET","url":"/api/projects/:projectId/activity"},
  "list": {"method":"GET","url":"/api/me/activity"},
  "read": {"method":"PUT","url":"/api/me/activity/read"},
  "dismiss": {"method":"PUT","url":"/api/me/activity/:eventId/dismissed"},
  "restore": {"method":"DELETE","url":"/api/me/activity/:eventId/dismissed"},
}

export const conversations: PlainTable<(typeof contract.endpoints)['conversations']> = {
  "list": {"method":"GET","url":"/api/conversations"},
  "create": {"method":"POST","url":"/api/conversations"},
  "get": {"method":"GET","url":"/api/conversations/:conversationId"},
  "read": {"method":"PUT","url":"/api/conversations/:conversationId/read"},
}

export const messages: PlainTable<(typeof contract.endpoints)['messages']> = {
  "list": {"method":"GET","url":"/api/conversations/:conversationId/messages"},
  "create": {"method":"POST","url":"/api/conversations/:conversationId/messages"},
  "get": {"method":"GET","url":"/api/messages/:messageId"},
  "update": {"method":"PATCH","url":"/api/messages/:messageId"},
  "delete": {"method":"DELETE","url":"/api/messages/:messageId"},
}

export const search: PlainTable<(typeof contract.endpoints)['search']> = {
  "find": {"method":"GET","url":"/api/search"},
}

export const rooms: PlainTable<(typeof contract.endpoints)['rooms']> = {
  "snapshot": {"method":"GET","url":"/api/projects/:projectId/snapshot"},
  "events": {"method":"GET","url":"/api/projects/:projectId/events"},
}

/** All endpoints, by noun. */
export const endpoints = { auth, me, tokens, mail, notifications, projects, members, invitations, tasks, vibes, cuts, files, shares, comments, markers, webhooks, shared, activity, conversations, messages, search, rooms }
