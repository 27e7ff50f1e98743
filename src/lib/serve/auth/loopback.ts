/** Which addresses only this machine can reach. */
import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Whether a host to listen on or to ask is this machine alone. A name other than `localhost` is not, whatever it
 * resolves to today.
 *
 * @param host an address, also in brackets as in a URL, or a name
 * @example
 * isLoopback('127.8.8.8') // true
 * isLoopback('0.0.0.0') // false: it listens on every address
 */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  const version = isIP(bare)
  return version === 0 ? bare === 'localhost' : loopback.check(bare, version === 6 ? 'ipv6' : 'ipv4')
}
