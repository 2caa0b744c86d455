"""Frozen dataclasses to rows and back: a field is a column of the same name."""

from dataclasses import fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

import msgspec

from sayso.phone.adapters.store.database import Database, Value


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


RowT = TypeVar("RowT", bound=_Dataclass)


class Table(Generic[RowT]):
    """One table. Names of tables and columns come from the source, never from outside."""

    def __init__(self, database: Database, name: str, row: type[RowT]) -> None:
        self._database = database
        self._name = name
        self._row = row
        self._columns = [field.name for field in fields(row)]
        self._select = f"SELECT {', '.join(self._columns)} FROM {name} "  # noqa: S608  names from the source
        marks = ", ".join("?" * len(self._columns))
        self._put = f"INSERT OR REPLACE INTO {name} ({', '.join(self._columns)}) VALUES ({marks})"  # noqa: S608  names from the source

    def put(self, row: RowT) -> None:
        """Insert, or replace the row with the same primary key."""
        self._database.execute(self._put, [self._value(row, column) for column in self._columns])

    def change(self, row: RowT, key: str) -> None:
        """Write down the changes of the row whose column `key` is this row's; it keeps its place."""
        sets = ", ".join(f"{column} = ?" for column in self._columns)
        values = [self._value(row, column) for column in [*self._columns, key]]
        self._database.execute(f"UPDATE {self._name} SET {sets} WHERE {key} = ?", values)  # noqa: S608  names from the source

    def add(self, row: RowT) -> int:
        """Insert a row whose `id` the store gives; returns it."""
        columns = [column for column in self._columns if column != "id"]
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {self._name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  names from the source
        return self._database.insert(sql, [self._value(row, column) for column in columns])

    def one(self, where: str, *values: Value) -> RowT | None:
        """Return the first row that fits, or None."""
        rows = self.many(f"{where} LIMIT 1", *values)
        return rows[0] if rows else None

    def many(self, where: str, *values: Value) -> list[RowT]:
        """Return all rows that fit. `where` begins with WHERE or ORDER BY, or is empty."""
        return [self._read(row) for row in self._database.execute(self._select + where, values)]

    def delete(self, where: str, *values: Value) -> None:
        """Delete the rows that fit."""
        self._database.execute(f"DELETE FROM {self._name} {where}", values)  # noqa: S608  names from the source

    def _read(self, values: tuple[Value, ...]) -> RowT:
        found = dict(zip(self._columns, values, strict=True))
        return msgspec.convert(found, self._row, strict=False, builtin_types=(bytes,))

    @staticmethod
    def _value(row: RowT, column: str) -> Value:
        return cast("Value", getattr(row, column))
