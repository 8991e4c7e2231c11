// Package bulk reads and writes files of many accounts, as CSV with a header or as JSON
// with a line for each, and keeps the report by which an import goes on after it was
// interrupted.
package bulk
