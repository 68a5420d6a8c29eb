/** What may be better at the next attempt: no answer, no capacity, a fault inside the service. */
export class KeyServiceFault extends Error {
  override readonly name = 'KeyServiceFault';
}
