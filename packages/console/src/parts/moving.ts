import { lazy } from '../lib/lazy.tsx'

/** The dialog that moves a thing, loaded when it is used. */
export const MoveDialog = lazy(() => import('./move-dialog.tsx').then(({ MoveDialog }) => MoveDialog), null)
