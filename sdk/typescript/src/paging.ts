/** Lists: one page, and the way to the next. */

/** A page of a list: `result` holds its items; iterating over it goes on to the pages after it. */
export class Page<T> implements AsyncIterable<T> {
  declare readonly hasMore: boolean;
  declare readonly nextCursor: string | null;
  readonly #next: (cursor: string) => Promise<this>;

  constructor(
    readonly result: T[],
    readonly nextSteps: string[],
    next: (cursor: string) => Promise<Page<T>>,
  ) {
    this.#next = next as never;
  }

  /** Fetches the page after this one; null after the last. */
  async nextPage(): Promise<this | null> {
    return this.hasMore && this.nextCursor ? this.#next(this.nextCursor) : null;
  }

  /** This page and those after it, one by one. */
  async *pages(): AsyncGenerator<this, void, undefined> {
    for (let page: this | null = this; page; page = await page.nextPage()) yield page;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* page.result;
  }
}

/** A page that is on its way: await it, or iterate over all items with `for await`. */
export class PagePromise<T, E> implements Promise<Page<T> & E>, AsyncIterable<T> {
  readonly [Symbol.toStringTag] = 'PagePromise';

  constructor(private readonly page: Promise<Page<T> & E>) {}

  then<A = Page<T> & E, B = never>(
    good?: ((page: Page<T> & E) => A | PromiseLike<A>) | null,
    bad?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.page.then(good, bad);
  }

  catch<B = never>(bad?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<(Page<T> & E) | B> {
    return this.page.catch(bad);
  }

  finally(last?: (() => void) | null): Promise<Page<T> & E> {
    return this.page.finally(last);
  }

  /** All pages, one by one: `for await (const page of client.inboxes.list().pages())`. */
  async *pages(): AsyncGenerator<Page<T> & E, void, undefined> {
    yield* (await this.page).pages();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    yield* await this.page;
  }
}
