import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Answers all addresses of a name. */
export type Resolve = (host: string) => Promise<string[]>

/** Addresses that look public and are not: the platform of Azure answers its machines there. */
const PLATFORM = new Set(['168.63.129.16'])
/** All IPv6 addresses that are routed between networks are in there. */
const ROUTED = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number]

/**
 * Whether an address is one of the public internet: not of this machine, its network, its cloud, a group of machines, nor one that stands
 * for an IPv4 address.
 */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address) || PLATFORM.has(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(ROUTED)
}

/** The host of a URL, as an address or a name. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1')

/** Whether a URL has an address in place of a name, and one that is not public. */
export function namesPrivate(url: URL): boolean {
  const host = hostOf(url)
  return isIP(host) !== 0 && !isPublic(host)
}

const DNS = { timeout: 3_000, tries: 2 }

/**
 * Looks names up in the DNS: the threads that `lookup` of the system occupies for as long as a name server likes are also those of files
 * and passwords, and names of receivers are chosen by strangers.
 */
export const resolveByDns: Resolve = async (host) => {
  const resolver = new Resolver(DNS)
  const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
  return found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
}

/** Looks names up as the system does, also those of this machine and its network: where receivers may be private. */
export const resolveBySystem: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address)
