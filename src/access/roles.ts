import { type ActionName, actions, type Permission, type Role } from '@cutroom/contract'

const order: Role[] = ['viewer', 'commenter', 'editor', 'owner']

export const atLeast = (role: Role, least: Role | null | undefined): boolean =>
  least != null && order.indexOf(role) >= order.indexOf(least)

/** The role that a member has through an API token; `max`: of the token, null without one. */
export const cappedRole = (role: Role, max: Role | null): Role => (max === null || atLeast(max, role) ? role : max)

/** Whether a person with `role` may do this; `own`: to a thing they wrote themselves. */
export function allows(role: Role, action: ActionName, own: boolean): boolean {
  const rule = (actions as Record<ActionName, Permission | undefined>)[action]
  if (!rule) return false
  return atLeast(role, rule.role) || (own && atLeast(role, rule.own))
}
