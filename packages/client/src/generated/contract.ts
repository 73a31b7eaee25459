// Written by `npm run generate:client` from @cutroom/contract, whose schemas a client does not run. Do not edit.
import type * as contract from '@cutroom/contract'
import type { PlainTable } from '../endpoint.ts'

// All types of the contract; the values below take the place of those of the same name.
export type * from '@cutroom/contract'

export const PROTOCOL_VERSION = 2

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
  "registration-closed": {"status":403,"title":"Registration is by invitation"},
  "not-found": {"status":404,"title":"Not found"},
  "request-timeout": {"status":408,"title":"The request did not come in time"},
  "conflict": {"status":409,"title":"Another change came first; try again"},
  "email-taken": {"status":409,"title":"This e-mail has an account"},
  "already-member": {"status":409,"title":"Already a member"},
  "too-many": {"status":409,"title":"There are as many of these as there may be"},
  "last-owner": {"status":409,"title":"A project keeps at least one owner"},
  "idempotency-running": {"status":409,"title":"The first request with this key is still running"},
  "superseded": {"status":409,"title":"A later join or leave took its place"},
  "gone": {"status":410,"title":"This part of the log is no longer kept"},
  "stale": {"status":412,"title":"The entity has changed"},
  "too-large": {"status":413,"title":"The body is too large"},
  "unsupported-media-type": {"status":415,"title":"Send JSON"},
  "validation": {"status":422,"title":"The request does not fit the contract"},
  "idempotency-mismatch": {"status":422,"title":"The key was used for another request"},
  "headers-too-large": {"status":431,"title":"The headers are too large"},
  "rate-limited": {"status":429,"title":"Too many requests"},
  "internal": {"status":500,"title":"Something went wrong"},
  "unavailable": {"status":503,"title":"Not available right now"},
}

/** The collections of a project's state. */
export const collections: { [C in contract.CollectionName]: Omit<(typeof contract.collections)[C], 'row'> } = {
  "members": {"key":"userId","people":["user"],"within":{}},
  "tasks": {"key":"id","people":["author","assignee"],"within":{}},
  "vibes": {"key":"id","people":["author"],"within":{}},
  "cuts": {"key":"id","people":["author"],"within":{"vibeId":"vibes"}},
  "lyrics": {"key":"cutId","people":[],"within":{"cutId":"cuts"}},
  "comments": {"key":"id","people":["author","resolvedBy"],"within":{"cutId":"cuts","taskId":"tasks","parentId":"comments"}},
}

/** What each event of a project's room does to the state. */
export const stateChanges: typeof contract.stateChanges = {
  "project:updated": {"kind":"project"},
  "project:deleted": {"kind":"end"},
  "person:updated": {"kind":"person"},
  "member:joined": {"kind":"put","collection":"members"},
  "member:updated": {"kind":"put","collection":"members"},
  "member:left": {"kind":"remove","collection":"members","id":"userId","unsets":{"collection":"tasks","person":"assignee","id":"assigneeId"}},
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
  "cut:deleted": {"kind":"remove","collection":"cuts","id":"cutId"},
  "lyrics:updated": {"kind":"put","collection":"lyrics"},
  "comment:created": {"kind":"put","collection":"comments"},
  "comment:reply": {"kind":"put","collection":"comments"},
  "comment:updated": {"kind":"put","collection":"comments"},
  "comment:resolved": {"kind":"put","collection":"comments"},
  "comment:reopened": {"kind":"put","collection":"comments"},
  "comment:deleted": {"kind":"remove","collection":"comments","id":"commentId"},
}

export const auth: PlainTable<(typeof contract.endpoints)['auth']> = {
  "register": {"method":"POST","url":"/api/auth/register","access":"public","secret":true,"location":"/api/me"},
  "login": {"method":"POST","url":"/api/auth/login","access":"public","secret":true},
  "refresh": {"method":"POST","url":"/api/auth/refresh","access":"public","secret":true},
  "logout": {"method":"POST","url":"/api/auth/logout","access":"session"},
  "logoutAll": {"method":"POST","url":"/api/auth/logout-all","access":"account"},
  "session": {"method":"GET","url":"/api/session","access":"public","apiTokens":true},
}

export const me: PlainTable<(typeof contract.endpoints)['me']> = {
  "get": {"method":"GET","url":"/api/me","access":"account","apiTokens":true},
  "update": {"method":"PATCH","url":"/api/me","access":"account"},
  "changePassword": {"method":"PUT","url":"/api/me/password","access":"account"},
  "sessions": {"method":"GET","url":"/api/me/sessions","access":"account"},
  "endSession": {"method":"DELETE","url":"/api/me/sessions/:sessionId","access":"account"},
}

export const tokens: PlainTable<(typeof contract.endpoints)['tokens']> = {
  "list": {"method":"GET","url":"/api/me/tokens","access":"account"},
  "create": {"method":"POST","url":"/api/me/tokens","access":"account","secret":true,"location":"/api/me/tokens"},
  "revoke": {"method":"DELETE","url":"/api/me/tokens/:tokenId","access":"account"},
}

export const projects: PlainTable<(typeof contract.endpoints)['projects']> = {
  "list": {"method":"GET","url":"/api/projects","access":"account","apiTokens":true},
  "create": {"method":"POST","url":"/api/projects","access":"account","apiTokens":true,"location":"/api/projects/:id"},
  "get": {"method":"GET","url":"/api/projects/:projectId","access":"project:read","target":"projectId","effect":"read"},
  "update": {"method":"PATCH","url":"/api/projects/:projectId","access":"project:update","target":"projectId","effect":"change"},
  "delete": {"method":"DELETE","url":"/api/projects/:projectId","access":"project:delete","target":"projectId","effect":"change"},
}

export const members: PlainTable<(typeof contract.endpoints)['members']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/members","access":"project:read","target":"projectId","effect":"read"},
  "create": {"method":"POST","url":"/api/projects/:projectId/members","access":"member:create","target":"projectId","effect":"create","location":"/api/projects/:projectId/members/:userId"},
  "get": {"method":"GET","url":"/api/projects/:projectId/members/:userId","access":"project:read","target":"userId","effect":"read"},
  "update": {"method":"PATCH","url":"/api/projects/:projectId/members/:userId","access":"member:update","target":"userId","effect":"change"},
  "delete": {"method":"DELETE","url":"/api/projects/:projectId/members/:userId","access":"member:delete","target":"userId","effect":"change"},
}

export const tasks: PlainTable<(typeof contract.endpoints)['tasks']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/tasks","access":"project:read","target":"projectId","effect":"read"},
  "create": {"method":"POST","url":"/api/projects/:projectId/tasks","access":"task:create","target":"projectId","effect":"create","location":"/api/tasks/:id"},
  "get": {"method":"GET","url":"/api/tasks/:taskId","access":"project:read","target":"taskId","effect":"read"},
  "update": {"method":"PATCH","url":"/api/tasks/:taskId","access":"task:update","target":"taskId","effect":"change"},
  "delete": {"method":"DELETE","url":"/api/tasks/:taskId","access":"task:delete","target":"taskId","effect":"change"},
  "move": {"method":"POST","url":"/api/tasks/:taskId/move","access":"task:move","target":"taskId","effect":"change"},
}

export const vibes: PlainTable<(typeof contract.endpoints)['vibes']> = {
  "list": {"method":"GET","url":"/api/projects/:projectId/vibes","access":"project:read","target":"projectId","effect":"read"},
  "create": {"method":"POST","url":"/api/projects/:projectId/vibes","access":"vibe:create","target":"projectId","effect":"create","location":"/api/vibes/:id"},
  "get": {"method":"GET","url":"/api/vibes/:vibeId","access":"project:read","target":"vibeId","effect":"read"},
  "update": {"method":"PATCH","url":"/api/vibes/:vibeId","access":"vibe:update","target":"vibeId","effect":"change"},
  "delete": {"method":"DELETE","url":"/api/vibes/:vibeId","access":"vibe:delete","target":"vibeId","effect":"change"},
  "move": {"method":"POST","url":"/api/vibes/:vibeId/move","access":"vibe:move","target":"vibeId","effect":"change"},
}

export const cuts: PlainTable<(typeof contract.endpoints)['cuts']> = {
  "list": {"method":"GET","url":"/api/vibes/:vibeId/cuts","access":"project:read","target":"vibeId","effect":"read"},
  "create": {"method":"POST","url":"/api/vibes/:vibeId/cuts","access":"cut:create","target":"vibeId","effect":"create","location":"/api/cuts/:id"},
  "get": {"method":"GET","url":"/api/cuts/:cutId","access":"project:read","target":"cutId","effect":"read"},
  "update": {"method":"PATCH","url":"/api/cuts/:cutId","access":"cut:update","target":"cutId","effect":"change"},
  "delete": {"method":"DELETE","url":"/api/cuts/:cutId","access":"cut:delete","target":"cutId","effect":"change"},
  "move": {"method":"POST","url":"/api/cuts/:cutId/move","access":"cut:move","target":"cutId","effect":"change"},
  "lyrics": {"method":"GET","url":"/api/cuts/:cutId/lyrics","access":"project:read","target":"cutId","effect":"read"},
  "writeLyrics": {"method":"PUT","url":"/api/cuts/:cutId/lyrics","access":"lyrics:update","target":"cutId","effect":"change","bodyLimit":6064000},
}

export const comments: PlainTable<(typeof contract.endpoints)['comments']> = {
  "listOnCut": {"method":"GET","url":"/api/cuts/:cutId/comments","access":"project:read","target":"cutId","effect":"read"},
  "listOnTask": {"method":"GET","url":"/api/tasks/:taskId/comments","access":"project:read","target":"taskId","effect":"read"},
  "createOnCut": {"method":"POST","url":"/api/cuts/:cutId/comments","access":"comment:create","target":"cutId","effect":"create","location":"/api/comments/:id"},
  "createOnTask": {"method":"POST","url":"/api/tasks/:taskId/comments","access":"comment:create","target":"taskId","effect":"create","location":"/api/comments/:id"},
  "get": {"method":"GET","url":"/api/comments/:commentId","access":"project:read","target":"commentId","effect":"read"},
  "update": {"method":"PATCH","url":"/api/comments/:commentId","access":"comment:update","target":"commentId","effect":"change"},
  "delete": {"method":"DELETE","url":"/api/comments/:commentId","access":"comment:delete","target":"commentId","effect":"change"},
  "reply": {"method":"POST","url":"/api/comments/:commentId/replies","access":"comment:create","target":"commentId","effect":"create","location":"/api/comments/:id"},
  "resolve": {"method":"POST","url":"/api/comments/:commentId/resolve","access":"comment:resolve","target":"commentId","effect":"change"},
  "reopen": {"method":"POST","url":"/api/comments/:commentId/reopen","access":"comment:resolve","target":"commentId","effect":"change"},
}

export const rooms: PlainTable<(typeof contract.endpoints)['rooms']> = {
  "snapshot": {"method":"GET","url":"/api/projects/:projectId/snapshot","access":"project:read","target":"projectId","effect":"read","largePages":true},
  "events": {"method":"GET","url":"/api/projects/:projectId/events","access":"project:read","target":"projectId","effect":"read","largePages":true},
}
