/** What a host remembers between two calls, in memory and in its file: both change together. */
import { type State, writeState } from './state.js';

export class HostRecord {
  readonly #file: string;
  #state: State;

  constructor(file: string, state: State) {
    this.#file = file;
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  async save(change: Partial<State>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    await writeState(this.#file, this.#state);
  }
}
