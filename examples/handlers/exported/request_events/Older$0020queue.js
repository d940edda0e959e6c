/*
 * request: kept, but not active: see its other half.
 */

throw 'the queue is full';
