/**
 * The rollups of `ea` that are kept only where somebody asks for them, for the questions that they answer: kept, measured,
 * and forgotten again, so that the same database serves the questions without them.
 */
import {
  addRollups,
  listRollups,
  type OnDemandSubject,
  parseConfig,
  readOnDemandRollups,
  removeRollups,
  withDatabase,
} from '../../src/index.js'
import { steps } from './questions/funnel.js'

const ofProperty: OnDemandSubject[] = [{ kind: 'property', path: ['country'] }]
const ofEventTypes: OnDemandSubject[] = steps.map((eventType) => ({ kind: 'event_type', eventType }))

/** Keeps them while `use` runs. @returns what they cost, for people, and what `use` returns */
export async function withKeptRollups<T>(url: string, use: () => Promise<T>): Promise<[cost: string, T]> {
  await forgetAll(url)
  try {
    const cost = await withDatabase(parseConfig({ databaseUrl: url }), async (db) => {
      const secondsFor = async (subjects: readonly OnDemandSubject[]) => {
        const began = performance.now()
        await addRollups(db, subjects)
        return ((performance.now() - began) / 1000).toFixed(1)
      }
      const [propertySeconds, eventTypesSeconds] = [await secondsFor(ofProperty), await secondsFor(ofEventTypes)]
      const { propertyBytes, eventTypeBytes } = (await listRollups(db)).sizes
      return (
        `Rollups kept: \`ea rollups add properties.country\` took ${propertySeconds} s and ${megabytes(propertyBytes)}, ` +
        `\`ea rollups add ${steps.map((step) => `event_type:${step}`).join(' ')}\` ` +
        `${eventTypesSeconds} s and ${megabytes(eventTypeBytes)}, with their indexes.`
      )
    })
    return [cost, await use()]
  } finally {
    await forgetAll(url)
  }
}

/** Also what a run left that was cut off. */
export function forgetAll(url: string): Promise<void> {
  return withDatabase(parseConfig({ databaseUrl: url }), async (db) => {
    const kept = await readOnDemandRollups(db)
    if (kept.length > 0) await removeRollups(db, kept)
  })
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
