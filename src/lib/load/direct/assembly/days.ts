/**
 * How many events each user and each event type has on each day, counted while chunks are made into rows: what the rollups
 * need of a batch. Read this first:
 *
 *   records ─ countDays, chunk by chunk ─ sortDays ─ writeDays: rows (day-rows.ts)
 *
 * Texts are kept once and have numbers; a table of (text, day) has the counts. Tables grow by moving into new memory of one
 * room; when it is used up, counting gives up (`isCounting`) and PostgreSQL counts.
 */
import { numberAt, recordSize, records, setNumber, timeOffset, typeOffset, userOffset } from './memory'
import { copyDoubled } from './rows'

/** A text: its address, its bytes with its kind as the highest bit, its hash, its rank among all (day-rows.ts). */
export const textSize: usize = 16
/** A count: the number of its text, its day since 2000, events. */
export const countSize: usize = 12
/** The highest bit of the bytes of a text that is an event type and no user. */
export const isType: u32 = 0x8000_0000

const microsPerDay: i64 = 86_400_000_000
/** Longer searches come from texts that were chosen to collide. */
const mostProbes: u32 = 1000

/** The room, and what of it is free. */
let free: usize = 0
let roomEnd: usize = 0

/** Borders of the offsets of the zone and the offsets from each on, in microseconds: i64 pairs. */
let offsets: usize = 0
let offsetsCount: i32 = 0
/** Between these the offset is known: that of the event before. */
let offsetFrom: i64 = 0
let offsetTo: i64 = 0
let offset: i64 = 0

export let texts: usize = 0
export let textsCount: u32 = 0
let textsRoom: u32 = 0
/** Numbers of texts plus one, by their hash; 0 for none. */
let textSlots: usize = 0
let textMask: u32 = 0

/** Counts by their hash; one without events is empty. */
export let counts: usize = 0
export let countsCount: u32 = 0
export let countsMask: u32 = 0

/** Events that are counted. */
export let counted: u32 = 0
export let isCounting: bool = false

/**
 * Begins to count anew.
 *
 * @param zone `zoneCount` pairs of i64: an instant in microseconds since 2000, and the offset from it on; the first is the earliest
 */
export function beginDays(from: usize, to: usize, zone: usize, zoneCount: i32): void {
  free = from
  roomEnd = to
  offsets = zone
  offsetsCount = zoneCount
  offsetFrom = i64.MAX_VALUE
  offsetTo = i64.MIN_VALUE
  counted = 0
  textsCount = 0
  countsCount = 0
  textsRoom = 0
  countsMask = 0
  isCounting = true
  growTexts(1024)
  growCounts(4096)
}

/** Memory of the room; counting ends when there is none. */
export function take(bytes: usize): usize {
  const at = free
  if (hasFree(bytes)) free += (bytes + 15) & ~15
  return at
}

/** Whether the room has so much and a copy of 16 bytes too many; else counting ends. */
function hasFree(bytes: usize): bool {
  if (bytes + 32 > roomEnd - free) isCounting = false
  return isCounting
}

/** Counts the records that were read last. */
export function countDays(count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    if (textsCount + 2 > textsRoom) growTexts(textsRoom << 1)
    if ((countsCount + 2) << 1 > countsMask) growCounts((countsMask + 1) << 1)
    if (!isCounting) return
    const record = records + <usize>i * recordSize
    const day = dayOf(load<i64>(record, timeOffset))
    add(numberOf(record + userOffset, 0), day)
    add(numberOf(record + typeOffset, isType), day)
  }
  counted += count
}

function dayOf(time: i64): i32 {
  if (time < offsetFrom || time >= offsetTo) findOffset(time)
  const local = time + offset
  const day = local / microsPerDay
  return <i32>(local < day * microsPerDay ? day - 1 : day)
}

/** By halves. */
function findOffset(time: i64): void {
  let low = 0
  let high = offsetsCount
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (load<i64>(offsets + ((<usize>middle) << 4)) <= time) low = middle
    else high = middle
  }
  const at = offsets + ((<usize>low) << 4)
  offsetFrom = low === 0 ? i64.MIN_VALUE : load<i64>(at)
  offsetTo = high === offsetsCount ? i64.MAX_VALUE : load<i64>(at, 16)
  offset = load<i64>(at, 8)
}

/** The number of a text of a record; a new one is kept. */
function numberOf(text: usize, kind: u32): u32 {
  let at = <usize>load<u32>(text)
  const given = <usize>load<u32>(text, 4)
  const length = <usize>load<u32>(text, 8)
  if (given !== length) {
    // Without its doubled quotes, where it lies when it is kept.
    if (!hasFree(given + 16)) return 0
    copyDoubled(free, at, given)
    at = free
  }
  const marked = <u32>length | kind
  const hash = hashOf(at, length, kind)
  let slot = hash & textMask
  for (let probes: u32 = 0; probes < mostProbes; probes++) {
    const number = numberAt(textSlots, slot)
    if (number === 0) {
      setNumber(textSlots, slot, textsCount + 1)
      return keep(at, length, marked, hash)
    }
    const known = texts + <usize>(number - 1) * textSize
    if (
      load<u32>(known, 8) === hash &&
      load<u32>(known, 4) === marked &&
      memory.compare(<usize>load<u32>(known), at, length) === 0
    ) {
      return number - 1
    }
    slot = (slot + 1) & textMask
  }
  isCounting = false
  return 0
}

function keep(at: usize, length: usize, marked: u32, hash: u32): u32 {
  const copy = take(length)
  if (!isCounting) return 0
  memory.copy(copy, at, length)
  const text = texts + <usize>textsCount * textSize
  store<u32>(text, <u32>copy)
  store<u32>(text, marked, 4)
  store<u32>(text, hash, 8)
  return textsCount++
}

/** Of 8 bytes at a time, the last of them without what comes after the text. */
function hashOf(at: usize, length: usize, kind: u32): u32 {
  let hash: u64 = <u64>length ^ <u64>kind
  let left = length
  while (left >= 8) {
    hash = mixed(hash ^ load<u64>(at))
    at += 8
    left -= 8
  }
  if (left > 0) hash = mixed(hash ^ (load<u64>(at) & (u64.MAX_VALUE >> (64 - (left << 3)))))
  return <u32>(hash ^ (hash >> 32))
}

function mixed(value: u64): u64 {
  const product = (value ^ (value >> 29)) * 0x1d_8e4e_27c4_7d15
  return product ^ (product >> 32)
}

/** One event more of a text on a day. */
function add(text: u32, day: i32): void {
  if (!isCounting) return
  const place = placeOf(text, day)
  if (place === 0) return
  const events = load<u32>(place, 8)
  if (events === 0) {
    store<u32>(place, text)
    store<i32>(place, day, 4)
    countsCount++
  }
  store<u32>(place, events + 1, 8)
}

/** Where the count of a text and a day is, or will be. */
function placeOf(text: u32, day: i32): usize {
  let slot = <u32>mixed(((<u64>text) << 32) | <u64>(<u32>day)) & countsMask
  for (let probes: u32 = 0; probes < mostProbes; probes++) {
    const place = counts + <usize>slot * countSize
    if (load<u32>(place, 8) === 0 || (load<u32>(place) === text && load<i32>(place, 4) === day)) return place
    slot = (slot + 1) & countsMask
  }
  isCounting = false
  return 0
}

/** Moves the texts into tables of another size. */
function growTexts(room: u32): void {
  const slots = room << 2
  const moved = take(<usize>room * textSize)
  textSlots = take((<usize>slots) << 2)
  if (!isCounting) return
  memory.copy(moved, texts, <usize>textsCount * textSize)
  texts = moved
  textsRoom = room
  textMask = slots - 1
  memory.fill(textSlots, 0, (<usize>slots) << 2)
  for (let number: u32 = 0; number < textsCount; number++) {
    let slot = load<u32>(texts + <usize>number * textSize, 8) & textMask
    while (numberAt(textSlots, slot) !== 0) slot = (slot + 1) & textMask
    setNumber(textSlots, slot, number + 1)
  }
}

/** Moves the counts into a table of another size. */
function growCounts(slots: u32): void {
  const old = counts
  const oldSlots: u32 = countsMask === 0 ? 0 : countsMask + 1
  counts = take(<usize>slots * countSize)
  if (!isCounting) return
  countsMask = slots - 1
  memory.fill(counts, 0, <usize>slots * countSize)
  for (let slot: u32 = 0; slot < oldSlots; slot++) {
    const from = old + <usize>slot * countSize
    if (load<u32>(from, 8) === 0) continue
    const place = placeOf(load<u32>(from), load<i32>(from, 4))
    if (place === 0) return
    memory.copy(place, from, countSize)
  }
}
