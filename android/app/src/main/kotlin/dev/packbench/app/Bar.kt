package dev.packbench.app

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.util.TypedValue
import android.view.View
import dev.packbench.ffi.Median

/** One case: a bar as long as its median, crossed by a line from its shortest run to its longest. */
class Bar(context: Context, private val median: Median, private val most: Double, texts: Texts) : View(context) {
    /** It grows with the letters. */
    private val tall = TypedValue.applyDimension(TypedValue.COMPLEX_UNIT_SP, TALL_SP, resources.displayMetrics)
    private val bar = Paint().apply { color = themed(android.R.attr.colorAccent) }
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = themed(android.R.attr.textColorPrimary)
        strokeWidth = resources.displayMetrics.density * LINE_DP
    }

    init {
        contentDescription = texts.bar(median)
    }

    override fun onMeasure(widthSpec: Int, heightSpec: Int) {
        setMeasuredDimension(getDefaultSize(suggestedMinimumWidth, widthSpec), resolveSize(tall.toInt(), heightSpec))
    }

    override fun onDraw(canvas: Canvas) {
        canvas.drawRect(0f, tall / 4, x(median.medianNs), tall * 3 / 4, bar)
        canvas.drawLine(x(median.leastNs), tall / 2, x(median.mostNs), tall / 2, line)
    }

    private fun x(nanoseconds: Double) = (nanoseconds / most * width).toFloat()

    private fun themed(attribute: Int): Int {
        val found = context.obtainStyledAttributes(intArrayOf(attribute))
        return found.getColor(0, 0).also { found.recycle() }
    }

    private companion object {
        const val TALL_SP = 18f
        const val LINE_DP = 2
    }
}
