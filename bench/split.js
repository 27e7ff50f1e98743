// How fast the splitter cuts a file that is already in memory, in MB/s and in records/s. Run it on the build:
//   npm run build && node bench/split.js events.csv delimited|lines|array [rounds]
import { readFileSync } from 'node:fs'

const modulePath = process.env.SPLIT_MODULE ?? '../dist/lib/load/split/split.js'
const { split } = await import(modulePath)
const [file, kind = 'delimited', rounds = '7'] = process.argv.slice(2)
const content = readFileSync(file)
const isDelimited = kind === 'delimited'
const header = isDelimited ? content.subarray(0, content.indexOf(10)).toString() : ''
const shape = isDelimited
  ? { kind, delimiter: 44, quote: 34, fields: header.split(',').length, jsonField: header.split(',').length - 1 }
  : { kind }

async function* buffers() {
  for (let at = 0; at < content.length; at += 256 * 1024) yield content.subarray(at, at + 256 * 1024)
}

for (let round = 1; round <= Number(rounds); round++) {
  const began = performance.now()
  let records = 0
  let rejects = 0
  let bytesForCopy = 0
  const headerBytes = isDelimited ? header.length + 1 : 0
  const options = {
    chunkBytes: 4 << 20,
    maxRecordBytes: 16 << 20,
    shape,
    headerBytes,
    headerLines: isDelimited ? 1 : 0,
  }
  for await (const chunk of split(buffers(), options)) {
    records += chunk.records
    rejects += chunk.rejects.length
    for (const piece of chunk.copyData) bytesForCopy += piece.length
    chunk.release()
  }
  const seconds = (performance.now() - began) / 1000
  const megabytes = content.length / 1e6
  process.stdout.write(
    `${kind} round ${round}: ${(megabytes / seconds).toFixed(0)} MB/s, ${Math.round(records / seconds)} records/s ` +
      `(${records} records, ${rejects} rejects, ${bytesForCopy} bytes for COPY)\n`,
  )
}
