/** Who has which port: conflicts, ports that are free, and who of several gets the next arrival. */
import { type Bound, closest, overlap } from "./reach.ts";

const FIRST_EPHEMERAL_PORT = 49_152;
const PORT_COUNT = 65_536;

export class PortTable<B extends Bound> {
  readonly #byPort = new Map<number, B[]>();
  readonly #mayShare: (a: B, b: B) => boolean;
  #nextPort = FIRST_EPHEMERAL_PORT;
  #turn = 0;

  /** `mayShare`: both agree to have one address. */
  constructor(mayShare: (a: B, b: B) => boolean) {
    this.#mayShare = mayShare;
  }

  at(port: number): readonly B[] {
    return this.#byPort.get(port) ?? [];
  }

  /** False: the address is in use. */
  add(bound: B): boolean {
    const others = this.at(bound.port);
    if (others.some((other) => overlap(other, bound) && !this.#mayShare(other, bound))) return false;
    this.#byPort.set(bound.port, [...others, bound]);
    return true;
  }

  remove(bound: B): void {
    const left = this.at(bound.port).filter((other) => other !== bound);
    if (left.length === 0) this.#byPort.delete(bound.port);
    else this.#byPort.set(bound.port, left);
  }

  /** A port that nobody has, from the range that systems choose from, starting again at its end. */
  freePort(): number {
    for (let tries = FIRST_EPHEMERAL_PORT; tries < PORT_COUNT; tries++) {
      const port = this.#nextPort;
      this.#nextPort = port + 1 < PORT_COUNT ? port + 1 : FIRST_EPHEMERAL_PORT;
      if (!this.#byPort.has(port)) return port;
    }
    throw new RangeError("the virtual network has no free port left: close listeners or endpoints");
  }

  /** Who gets what is sent to the address; those who share it take turns. */
  pick(host: string, port: number, isWilling: (bound: B) => boolean = () => true): B | undefined {
    const candidates = closest(this.at(port).filter(isWilling), host);
    return candidates.length > 1 ? candidates[this.#turn++ % candidates.length] : candidates[0];
  }
}
