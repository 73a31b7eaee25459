import { WebSocket } from 'ws'

const PING = '2'.charCodeAt(0)

/**
 * A WebSocket to a Socket.IO server, for a client that speaks the protocol by hand: it answers pings, and says nothing else by itself. It costs a
 * fraction of socket.io-client, can stop reading, and can send what no client library would.
 * @param onPacket called with each packet but pings
 */
export function openSocketTransport(
  url: string,
  onPacket: (data: Buffer, isBinary: boolean) => void,
  headers: Record<string, string> = {},
): WebSocket {
  const address = `${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`
  const ws = new WebSocket(address, { headers, perMessageDeflate: false })
  ws.on('message', (data: Buffer, isBinary) => {
    if (data.length === 1 && data[0] === PING) ws.send('3')
    else onPacket(data, isBinary)
  })
  // The server may close it in any way; `close` follows.
  ws.on('error', () => {})
  return ws
}
