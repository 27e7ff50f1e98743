/**
 * TLS in front of the server of a test, which has none: answers SSLRequest, and passes on what it decrypts. The certificate
 * is for `localhost`, signed by a root of its own; both are good for a hundred years and for nothing else.
 */
import { connect, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** The root that signed the certificate. */
export const rootCertificate = `-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIUdHaQuY5AtgFILWcTV1EJydzl9+IwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMZWEgdGVzdCByb290MCAXDTI2MTEzMDAzNTc0OFoYDzIxMjYx
MTA2MDM1NzQ4WjAXMRUwEwYDVQQDDAxlYSB0ZXN0IHJvb3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAARoTel9AvC9VhJAGq20uSSAUF0ClwvNUAwBkb3Sx7qzN2Dr
sfoGk37Sjc8yoG5rPwL874iB81I7R7CDhQk0mnY5o1MwUTAdBgNVHQ4EFgQUUq+T
jU0txnNYi/Hj96AD3HS2xMQwHwYDVR0jBBgwFoAUUq+TjU0txnNYi/Hj96AD3HS2
xMQwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAk+iaEKm4xdoXs
QuorpSZZ4SaeIQYPPDyi0I2wi8Z/fwIhAO2Jhm2nJqj+YlXBxMhBZNWrZbnJXn/e
d36pP8529ncu
-----END CERTIFICATE-----
`

const certificate = `-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUXdYtsSek6NRhRAxG3/RH3z9DtjUwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMZWEgdGVzdCByb290MCAXDTI2MTEzMDAzNTc0OVoYDzIxMjYx
MTA2MDM1NzQ5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggq
hkjOPQMBBwNCAARcj5TkYNjqEqszwSxmZIKnSWkuCDQ7sSyNdmDAnLz0RR8pmMMS
icyqzyh3lZu/MxclkmKl355JyH/a+tuG8A1Uo1gwVjAUBgNVHREEDTALgglsb2Nh
bGhvc3QwHQYDVR0OBBYEFCA96ZuevcIwproTL5EhD2darZKbMB8GA1UdIwQYMBaA
FFKvk41NLcZzWIvx4/egA9x0tsTEMAoGCCqGSM49BAMCA0gAMEUCIQC0MJg/HnXu
Myq8VstUHXPsyTBvbPuX3lmxVOG96hlrHAIgGTGdLdEP6gsQAEiafhTNZpVvpWj6
3fcNFRKWfVcweuo=
-----END CERTIFICATE-----
`

const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0lTaDTF/Y379035V
QvUnf18ga3mXrRjMUeKD8aLjsTKhRANCAARcj5TkYNjqEqszwSxmZIKnSWkuCDQ7
sSyNdmDAnLz0RR8pmMMSicyqzyh3lZu/MxclkmKl355JyH/a+tuG8A1U
-----END PRIVATE KEY-----
`

/** What the front does: it has TLS, has none, or has TLS and lets nobody in without. */
export type Front = 'tls' | 'plain' | 'tls only'

const sslRequestCode = 80877103

/** Runs it on a port of its own and hands its port to `use`. */
export async function withTlsFront<T>(serverUrl: string, front: Front, use: (port: number) => Promise<T>): Promise<T> {
  const target = new URL(serverUrl)
  const host = target.searchParams.get('host') ?? target.hostname
  const port = Number(target.port || 5432)
  const sockets = new Set<Socket>()
  const upstream = () => (host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host))
  const passOn = (client: Socket, first?: Buffer) => {
    const server = upstream()
    sockets.add(server)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
      one.pipe(other)
    }
    if (first !== undefined) server.write(first)
  }
  const listener = createServer((client) => {
    sockets.add(client)
    client.on('error', () => {})
    const onFirst = (first: Buffer) => {
      if (first.readInt32BE(4) !== sslRequestCode) {
        if (front === 'tls only') client.end(refusal)
        else passOn(client, first)
      } else if (front === 'plain') {
        client.once('data', onFirst)
        client.write('N')
      } else {
        client.write('S')
        passOn(new TLSSocket(client, { isServer: true, cert: certificate, key: privateKey }))
      }
    }
    client.once('data', onFirst)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  try {
    return await use((listener.address() as { port: number }).port)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => listener.close(resolve))
  }
}

/** What PostgreSQL says when pg_hba.conf has only lines of `hostssl`. */
const refusal = (() => {
  const fields = Buffer.from(
    'SFATAL\0C28000\0Mno pg_hba.conf entry for host "127.0.0.1", user "ea", database "x", no encryption\0\0',
  )
  const head = Buffer.from('E\0\0\0\0')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
})()
