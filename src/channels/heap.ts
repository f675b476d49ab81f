/**
 * A binary heap that keeps equals in the order in which they came: each entry has the number of its arrival.
 *
 * `compare` is user code and may throw in any call. So each operation asks all its questions first and moves entries afterwards: if a
 * question throws, the heap is as it was.
 */

interface Entry<T, K> {
  readonly value: T;
  readonly key: K;
  readonly arrival: number;
}

export class Heap<T, K> {
  readonly #entries: Entry<T, K>[] = [];
  readonly #keyOf: (value: T) => K;
  readonly #compare: (a: K, b: K) => number;
  #arrivals = 0;

  constructor(keyOf: (value: T) => K, compare: (a: K, b: K) => number) {
    this.#keyOf = keyOf;
    this.#compare = compare;
  }

  get size(): number {
    return this.#entries.length;
  }

  push(value: T): void {
    const entry = { value, key: this.#keyOf(value), arrival: this.#arrivals };
    // From the new leaf towards the root: those that come after the entry move down by one.
    const path = [this.#entries.length];
    for (let at = this.#entries.length; at > 0; ) {
      at = (at - 1) >> 1;
      if (!this.#isBefore(entry, this.#entries[at]!)) break;
      path.push(at);
    }
    this.#arrivals++;
    this.#rotate(path, entry);
  }

  /** The first value; `undefined` when empty. */
  shift(): T | undefined {
    const [first] = this.#entries;
    const last = this.#entries.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const size = this.#entries.length - 1;
    // From the root towards the leaves: the smaller child moves up by one, until the last entry fits.
    const path = [0];
    for (let at = 0, child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#isBefore(this.#entries[child + 1]!, this.#entries[child]!)) child++;
      if (!this.#isBefore(this.#entries[child]!, last)) break;
      at = child;
      path.push(at);
    }
    this.#entries.pop();
    if (size > 0) this.#rotate(path, last);
    return first.value;
  }

  /** Takes out all values, in the order in which they came: no question is asked. */
  clear(): T[] {
    const entries = this.#entries.splice(0);
    return entries.sort((a, b) => a.arrival - b.arrival).map((entry) => entry.value);
  }

  /** Moves each entry on the path to the place before its own, and puts `entry` in the last place. */
  #rotate(path: readonly number[], entry: Entry<T, K>): void {
    let hole = path[0]!;
    for (const at of path.slice(1)) {
      this.#entries[hole] = this.#entries[at]!;
      hole = at;
    }
    this.#entries[hole] = entry;
  }

  #isBefore(a: Entry<T, K>, b: Entry<T, K>): boolean {
    const order = this.#compare(a.key, b.key);
    return order < 0 || (!(order > 0) && a.arrival < b.arrival);
  }
}
